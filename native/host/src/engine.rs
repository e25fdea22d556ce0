//! The one engine of a host, and the clock that interrupts what computes too long.

use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::config::Limits;
use crate::error::LoadError;

/// How often a computing guest is made to give way. Short, so that one busy request doesn't keep a runtime thread
/// from the others; long enough not to be felt.
pub const TICK: Duration = Duration::from_millis(10);

pub fn build(limits: &Limits) -> Result<Engine, LoadError> {
    // Instances are made and dropped often; the pool saves the system calls. It reserves much address space, which
    // not every machine gives.
    Engine::new(&config(Some(limits)))
        .or_else(|_| Engine::new(&config(None)))
        .map_err(|error| LoadError::Engine(format!("{error:#}")))
}

fn config(pool: Option<&Limits>) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true);
    if let Some(limits) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(limits)));
    }
    config
}

fn pooling(limits: &Limits) -> PoolingAllocationConfig {
    let instances = u32::try_from(limits.max_instances).unwrap_or(u32::MAX / 8);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        // A composed component has a memory for each of its parts.
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(4))
        .total_stacks(instances.saturating_mul(2))
        .total_core_instances(instances.saturating_mul(8))
        .table_elements(100_000)
        .max_component_instance_size(10 << 20)
        .max_core_instance_size(10 << 20)
        .max_core_instances_per_component(200)
        .max_tables_per_component(64)
        .max_memories_per_component(32)
        .max_tables_per_module(2)
        .max_memories_per_module(2)
        .max_memory_size(limits.max_memory_bytes)
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(512 << 10);
    pool
}

/// Advances the engine's epoch for as long as the engine lives.
pub fn start_clock(engine: &Engine) {
    let engine = engine.weak();
    let started = std::thread::Builder::new().name("guest clock".into()).spawn(move || {
        loop {
            std::thread::sleep(TICK);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => break,
            }
        }
    });
    if let Err(error) = started {
        tracing::error!(%error, "no thread for the guest clock: endless loops won't be ended");
    }
}
