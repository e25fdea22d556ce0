//! The engine of a host, and the clock that interrupts guests.

use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, RegallocAlgorithm};

use crate::config::Limits;
use crate::error::LoadError;

/// The interval at which a computing guest is interrupted: short, so that a busy request does not keep a runtime thread from
/// others, and long enough to cost nothing measurable.
pub const TICK: Duration = Duration::from_millis(10);

/// A composed component has one memory for each of its parts.
const MEMORIES_PER_INSTANCE: u64 = 2;
/// Address space that each memory reserves.
const MEMORY_GIB: u64 = 4;
/// A machine with room for fewer instances is too small to serve.
const MIN_INSTANCES: usize = 16;

/// Returns the engine, and the limits with as many instances as there is address space for. Without `optimize`, compiling takes
/// half the processor time.
///
/// Instances are made and dropped often. Their memories are reserved once, which saves system calls and takes 4 GiB of address
/// space for each memory. A process with little address space (`ulimit -v`) gets fewer instances.
pub fn build(mut limits: Limits, optimize: bool) -> Result<(Engine, Limits), LoadError> {
    let wanted = limits.max_instances;
    let min = MIN_INSTANCES.min(wanted);
    loop {
        match Engine::new(&config(&limits, optimize)) {
            Ok(engine) => {
                if limits.max_instances < wanted {
                    let instances = limits.max_instances;
                    tracing::warn!(
                        instances,
                        wanted,
                        "little address space: fewer instances than configured"
                    );
                }
                return Ok((engine, limits));
            }
            Err(_) if limits.max_instances > min => limits.max_instances = min.max(limits.max_instances / 4),
            Err(error) => return Err(refused(&error, &limits)),
        }
    }
}

fn refused(error: &wasmtime::Error, limits: &Limits) -> LoadError {
    let Some(limit) = getrlimit(Resource::As).current else {
        return LoadError::Engine(format!("{error:#}"));
    };
    LoadError::AddressSpace {
        limit_gib: limit >> 30,
        needed_gib: limits.max_instances as u64 * MEMORIES_PER_INSTANCE * MEMORY_GIB,
    }
}

fn config(limits: &Limits, optimize: bool) -> Config {
    let mut config = Config::new();
    if !optimize {
        config
            .cranelift_opt_level(OptLevel::None)
            .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(limits)));
    config
}

fn pooling(limits: &Limits) -> PoolingAllocationConfig {
    let instances = u32::try_from(limits.max_instances).unwrap_or(u32::MAX / 8);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_memories(instances.saturating_mul(MEMORIES_PER_INSTANCE as u32))
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

/// Advances the engine's epoch while the engine lives.
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
        tracing::error!(%error, "no thread for the guest clock: endless loops are not ended");
    }
}
