//! The memory limit of an instance. It covers all memories together: a composed component has one for each part.

use wasmtime::ResourceLimiter;

pub struct MemoryLimit {
    /// Bytes of all memories.
    used: usize,
    max: usize,
}

/// The largest number of elements of one table.
const MAX_TABLE_ELEMENTS: usize = 100_000;

impl MemoryLimit {
    pub fn new(max: usize) -> Self {
        Self { used: 0, max }
    }

    pub fn used(&self) -> usize {
        self.used
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        let granted = used <= self.max;
        if granted {
            self.used = used;
        }
        // The guest sees a refusal as a failed allocation.
        Ok(granted)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}
