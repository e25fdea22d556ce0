//! A waker that records whether it was woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use futures::task::AtomicWaker;

/// Forwards wake-ups and records them. A task that was woken while it was polled has more to do.
#[derive(Default)]
pub struct WakeFlag {
    woken: AtomicBool,
    target: AtomicWaker,
}

impl WakeFlag {
    /// Sets the waker that receives the wake-ups.
    pub fn forward_to(&self, waker: &Waker) {
        self.target.register(waker);
    }

    /// Returns whether it was woken since the last call.
    pub fn take(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.target.wake();
    }
}
