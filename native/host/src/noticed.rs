//! A waker that also says whether it was woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use futures::task::AtomicWaker;

/// Passes wake-ups on, and remembers that there was one: what was woken while it was polled isn't waiting for anything.
#[derive(Default)]
pub struct Noticed {
    woken: AtomicBool,
    passed_on_to: AtomicWaker,
}

impl Noticed {
    pub fn pass_on_to(&self, waker: &Waker) {
        self.passed_on_to.register(waker);
    }

    /// Whether it was woken since the last time.
    pub fn take(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Noticed {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.passed_on_to.wake();
    }
}
