//! Makes the instances of one component.

use std::sync::Arc;

use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi_http::WasiHttpCtx;
use wasmtime_wasi_http::handler::ProxyPre;

use super::memory::MemoryLimit;
use super::offload;
use super::pool::SlotRef;
use super::progress::Progress;
use crate::engine;
use crate::outbound::Egress;
use crate::outbound::host::Outbound;
use crate::state::{ComponentConfig, GuestState, Shared};
use crate::wasi::host as wasi;

pub struct InstanceFactory {
    pub engine: Engine,
    pub pre: ProxyPre<GuestState>,
    pub component: Arc<ComponentConfig>,
    pub egress: Arc<dyn Egress>,
}

impl InstanceFactory {
    pub fn shared(&self) -> &Arc<Shared> {
        &self.component.shared
    }

    /// The number of requests that an instance serves in total and at once. As on Spin, a WASI 0.2 instance serves one.
    pub fn reuse(&self) -> (usize, usize) {
        let limits = &self.shared().limits;
        match self.pre {
            ProxyPre::P3(_) => (limits.max_instance_reuse, limits.max_concurrent_reuse),
            ProxyPre::P2(_) => (1, 1),
        }
    }

    /// Makes a store with its limits. The clock's callback interrupts the guest at each tick.
    pub fn store(&self, slot: SlotRef) -> wasmtime::Result<Store<GuestState>> {
        let component = &self.component;
        let limits = component.shared.limits;
        let progress = Arc::new(Progress::default());
        let state = GuestState {
            table: Default::default(),
            wasi: wasi::context(component)?,
            http: WasiHttpCtx::new(),
            outbound: Outbound::new(component.allowed_hosts.clone(), self.egress.clone(), progress.clone()),
            memory: MemoryLimit::new(limits.max_memory_bytes),
            progress: progress.clone(),
            connections: 0,
            stores: 0,
            component: component.clone(),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(1);
        let deadline = limits.request_deadline;
        store.epoch_deadline_callback(move |_| {
            if progress.computing_for() > deadline {
                return Err(wasmtime::format_err!(
                    "the guest computed for {deadline:?} without calling the host"
                ));
            }
            progress.interrupt();
            if progress.computing_for() >= engine::TICK {
                slot.pass_over();
            }
            if progress.computing_for() >= offload::LONG {
                slot.offload();
            }
            // The runtime polls its sockets meanwhile, however many guests compute.
            let pause = Box::pin(tokio::task::yield_now());
            Ok(UpdateDeadline::YieldCustom(1, pause))
        });
        Ok(store)
    }
}
