//! The one place that configures Wasmtime.  The compiler's code loads in the worker only because
//! both ask here.

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result};

/// Stack of WebAssembly code, enough for interpreters that recurse; host calls use what is left of
/// the fiber's.  Only what is touched costs memory.
const WASM_STACK: usize = 2 * 1024 * 1024;
const FIBER_STACK: usize = 4 * 1024 * 1024;
/// Core modules and tables that one pooled component may have.
const PARTS: u32 = 16;
const TABLE_ELEMENTS: usize = 20_000;
const INSTANCE_BYTES: usize = 1024 * 1024;
/// What a freed slot keeps, so that the next instance faults less.
const KEEP_MEMORY: usize = 1024 * 1024;
const KEEP_TABLE: usize = 64 * 1024;
const KEEP_STACK: usize = 64 * 1024;

/// `struct writ_engine_config`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct EngineConfig {
    pub pool_slots: u32,
    pub pool_memory_max: u64,
    pub small_address_space: bool,
}

impl EngineConfig {
    /// A pool is nothing but reserved addresses.
    pub fn has_pool(&self) -> bool {
        self.pool_slots > 0 && !self.small_address_space
    }
}

fn base(c: &EngineConfig) -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    // WASI 0.2 needs no concurrency inside a component, and calls are faster without.
    config.concurrency_support(false);
    config.wasm_memory64(false);
    config.wasm_gc(false);
    config.epoch_interruption(true);
    config.max_wasm_stack(WASM_STACK);
    config.async_stack_size(FIBER_STACK);
    if c.small_address_space {
        config.memory_reservation(0);
        config.memory_reservation_for_growth(1 << 20);
        config.memory_guard_size(64 * 1024);
        config.memory_may_move(true);
    }
    #[cfg(feature = "compile")]
    {
        config.cranelift_opt_level(wasmtime::OptLevel::Speed);
    }
    config
}

fn pool(c: &EngineConfig) -> PoolingAllocationConfig {
    let slots = c.pool_slots;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots);
    pool.total_stacks(slots);
    pool.total_memories(slots);
    pool.total_core_instances(slots.saturating_mul(PARTS));
    pool.total_tables(slots.saturating_mul(PARTS));
    pool.max_core_instances_per_component(PARTS);
    pool.max_memories_per_component(1);
    pool.max_tables_per_component(PARTS);
    pool.max_tables_per_module(PARTS);
    pool.max_component_instance_size(INSTANCE_BYTES);
    pool.max_core_instance_size(INSTANCE_BYTES);
    pool.table_elements(TABLE_ELEMENTS);
    pool.max_memory_size(usize::try_from(c.pool_memory_max).unwrap_or(usize::MAX));
    pool.max_unused_warm_slots(slots);
    pool.linear_memory_keep_resident(KEEP_MEMORY);
    pool.table_keep_resident(KEEP_TABLE);
    pool.async_stack_keep_resident(KEEP_STACK);
    pool
}

/// An engine that makes each instance when it is asked for.
pub fn on_demand(c: &EngineConfig) -> Result<Engine> {
    Engine::new(&base(c))
}

/// An engine whose instances wait in a pool.
pub fn pooled(c: &EngineConfig) -> Result<Engine> {
    let mut config = base(c);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(c)));
    // Off by default, and without it a stack keeps what the last call left.
    config.async_stack_zeroing(true);
    Engine::new(&config)
}
