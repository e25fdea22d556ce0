//! What the host keeps for each instance, and what all instances of a component share.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::allowed_hosts::AllowedHosts;
use crate::config::{Limits, LogSink};
use crate::memory::MemoryLimit;
use crate::outbound::Outbound;
use crate::{key_value, sqlite};

/// What all components of an application share.
pub struct Shared {
    pub limits: Limits,
    pub databases: sqlite::Databases,
    pub sqlite_counters: Arc<sqlite::Counters>,
    pub key_value: key_value::Backends,
    pub component_log: LogSink,
    /// One permit for each instance that may live.
    pub instances: Arc<Semaphore>,
    pub live_instances: AtomicUsize,
    pub instances_made: AtomicU64,
}

/// One component as the manifest describes it: its name and its grants.
pub struct App {
    pub shared: Arc<Shared>,
    pub id: Arc<str>,
    pub sqlite_databases: HashSet<String>,
    pub key_value_stores: HashSet<String>,
    pub variables: HashMap<String, String>,
    pub environment: Vec<(String, String)>,
    pub mounts: Vec<crate::files::Mount>,
    pub allowed_hosts: Arc<AllowedHosts>,
}

/// The data of one instance's store.
pub struct GuestState {
    pub app: Arc<App>,
    pub table: ResourceTable,
    pub wasi: WasiCtx,
    pub http: WasiHttpCtx,
    pub outbound: Outbound,
    pub memory: MemoryLimit,
    pub progress: Arc<Progress>,
    /// Open database connections and key-value stores of this instance.
    pub connections: usize,
    pub stores: usize,
}

/// Says to the generated code that the interfaces are implemented by `GuestState` itself.
pub struct HostData;

impl HasData for HostData {
    type Data<'a> = &'a mut GuestState;
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.outbound,
        }
    }
}

/// How long an instance has computed without a break.
///
/// Only the time within its turns counts: while it waits, for the sender of a body or for its reader, it does not compute.
pub struct Progress {
    born: Instant,
    /// When the turn began, or when the guest last called the host in it. In microseconds, as the next.
    since: AtomicU64,
    /// What the turns before this one took, if the clock ended each of them.
    before: AtomicU64,
    /// The clock made it give way; it would have gone on.
    forced: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            born: Instant::now(),
            since: AtomicU64::new(0),
            before: AtomicU64::new(0),
            forced: AtomicBool::new(false),
        }
    }
}

impl Progress {
    /// The guest did something else than compute.
    pub fn touch(&self) {
        self.before.store(0, Ordering::Relaxed);
        self.since.store(self.now(), Ordering::Relaxed);
    }

    pub fn begin_turn(&self) {
        self.forced.store(false, Ordering::Relaxed);
        self.since.store(self.now(), Ordering::Relaxed);
    }

    /// Whether the guest waits for something. Otherwise it stopped because of the clock, and has more to do.
    pub fn end_turn(&self) -> bool {
        let waits = !self.forced.load(Ordering::Relaxed);
        let before = if waits { 0 } else { self.micros() };
        self.before.store(before, Ordering::Relaxed);
        waits
    }

    /// The clock interrupted the guest.
    pub fn gave_way(&self) {
        self.forced.store(true, Ordering::Relaxed);
    }

    /// Asked within a turn.
    pub fn computing_for(&self) -> Duration {
        Duration::from_micros(self.micros())
    }

    fn micros(&self) -> u64 {
        let turn = self.now().saturating_sub(self.since.load(Ordering::Relaxed));
        self.before.load(Ordering::Relaxed).saturating_add(turn)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    const A_WHILE: Duration = Duration::from_millis(20);

    #[test]
    fn a_wait_between_turns_is_not_computing() {
        let progress = Progress::default();
        progress.begin_turn();
        assert!(progress.end_turn());
        sleep(A_WHILE);
        progress.begin_turn();
        assert!(progress.computing_for() < A_WHILE);
    }

    #[test]
    fn turns_that_the_clock_ended_add_up() {
        let progress = Progress::default();
        for _ in 0..2 {
            progress.begin_turn();
            sleep(A_WHILE);
            progress.gave_way();
            assert!(!progress.end_turn());
        }
        progress.begin_turn();
        assert!(progress.computing_for() >= 2 * A_WHILE);
        progress.touch();
        assert!(progress.computing_for() < A_WHILE);
    }
}
