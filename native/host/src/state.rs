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

/// When an instance last did something else than compute.
pub struct Progress {
    born: Instant,
    touched_millis: AtomicU64,
    /// The clock made it give way; it would have gone on.
    forced: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            born: Instant::now(),
            touched_millis: AtomicU64::new(0),
            forced: AtomicBool::new(false),
        }
    }
}

impl Progress {
    pub fn touch(&self) {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.touched_millis.store(now, Ordering::Relaxed);
    }

    /// The clock interrupted the guest.
    pub fn gave_way(&self) {
        self.forced.store(true, Ordering::Relaxed);
    }

    /// Whether the guest stopped because of the clock; otherwise it waits for something, which is progress.
    pub fn was_forced(&self) -> bool {
        self.forced.swap(false, Ordering::Relaxed)
    }

    pub fn idle_for(&self) -> Duration {
        let touched = Duration::from_millis(self.touched_millis.load(Ordering::Relaxed));
        self.born.elapsed().saturating_sub(touched)
    }
}
