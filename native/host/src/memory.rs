//! The memory limit of an instance, over all its memories: a composed component has one for each part.

use wasmtime::ResourceLimiter;

pub struct MemoryLimit {
    used: usize,
    most: usize,
}

/// Table elements of one table; a table that grows without end is refused as well.
const MAX_TABLE_ELEMENTS: usize = 100_000;

impl MemoryLimit {
    pub fn new(most: usize) -> Self {
        Self { used: 0, most }
    }

    pub fn used(&self) -> usize {
        self.used
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        let granted = used <= self.most;
        if granted {
            self.used = used;
        }
        // A refusal reaches the guest as an allocation that failed.
        Ok(granted)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}
