//! The data of instances, and what all instances of an application share.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use tokio::sync::Semaphore;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::config::{Limits, LogSink};
use crate::files::Mount;
use crate::instance::memory::MemoryLimit;
use crate::instance::progress::Progress;
use crate::outbound::config::AllowedHosts;
use crate::outbound::host::Outbound;
use crate::{key_value, sqlite};

/// State that all components of an application share.
pub struct Shared {
    pub limits: Limits,
    pub databases: sqlite::Databases,
    pub sqlite_counters: Arc<sqlite::Counters>,
    pub key_value: key_value::Backends,
    pub component_log: LogSink,
    /// One permit for each live instance.
    pub instances: Arc<Semaphore>,
    pub live_instances: AtomicUsize,
    pub instances_made: AtomicU64,
}

/// One component's name and grants, from the manifest.
pub struct ComponentConfig {
    pub shared: Arc<Shared>,
    pub id: Arc<str>,
    pub sqlite_databases: HashSet<String>,
    pub key_value_stores: HashSet<String>,
    pub variables: HashMap<String, String>,
    pub environment: Vec<(String, String)>,
    pub mounts: Vec<Mount>,
    pub allowed_hosts: Arc<AllowedHosts>,
}

/// The data of one instance's store.
pub struct GuestState {
    pub component: Arc<ComponentConfig>,
    pub table: ResourceTable,
    pub wasi: WasiCtx,
    pub http: WasiHttpCtx,
    pub outbound: Outbound,
    pub memory: MemoryLimit,
    pub progress: Arc<Progress>,
    /// Number of open database connections.
    pub connections: usize,
    /// Number of open key-value stores.
    pub stores: usize,
}

/// Tells the generated code that `GuestState` itself implements the interfaces.
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
