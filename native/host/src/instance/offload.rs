//! Moves long computations to threads of a lower priority.
//!
//! The runtime has one worker thread per core. A thread gives way only at a tick of the clock, so a long computation would
//! delay each step of a short request by a tick. On threads of their own, the operating system schedules long computations,
//! and prefers a thread that wakes for a moment. A computation moves once and stays there. A short one never moves.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Added to the process's own niceness. The threads get a third of the weight of the others when all want to run: enough to
/// finish while the machine is busy.
const NICENESS: i32 = 5;

/// The runtime for long computations. It lives as long as the process: a runtime cannot be dropped within another.
static RUNTIME: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("long computation")
        .on_thread_start(|| {
            // The threads are useful without the lower priority as well.
            let lowered = rustix::process::getpriority_process(None)
                .and_then(|own| rustix::process::setpriority_process(None, (own + NICENESS).min(19)));
            if let Err(error) = lowered {
                tracing::debug!(%error, "long computations keep the normal priority");
            }
        })
        .enable_all()
        .build()
        .inspect_err(|error| tracing::warn!(%error, "no threads for long computations: they run among the short ones"))
        .ok()
});

/// The duration from which on a computation is long. On a busy machine a short one takes some ticks.
pub const LONG: Duration = Duration::from_millis(30);

/// A flag by which a task reports that its computation is long.
#[derive(Clone, Default)]
pub struct LongFlag(Arc<AtomicBool>);

impl LongFlag {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A task that moves to the threads for long computations once its flag is set.
pub struct Offload<F> {
    local: Option<Pin<Box<F>>>,
    offloaded: Option<JoinHandle<()>>,
    flag: LongFlag,
}

impl<F: Future<Output = ()> + Send + 'static> Offload<F> {
    pub fn new(task: F, flag: LongFlag) -> Self {
        Self {
            local: Some(Box::pin(task)),
            offloaded: None,
            flag,
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Future for Offload<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(local) = &mut self.local {
            if local.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if !self.flag.0.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            let Some(runtime) = RUNTIME.as_ref() else {
                return Poll::Pending;
            };
            self.offloaded = self.local.take().map(|task| runtime.spawn(task));
        }
        match &mut self.offloaded {
            // The other runtime reports a panic.
            Some(offloaded) => Pin::new(offloaded).poll(cx).map(drop),
            None => Poll::Ready(()),
        }
    }
}

/// Dropping the task cancels it on the other runtime as well.
impl<F> Drop for Offload<F> {
    fn drop(&mut self) {
        if let Some(offloaded) = &self.offloaded {
            offloaded.abort();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn a_task_changes_threads_once_its_flag_is_set() {
        let flag = LongFlag::default();
        let set = flag.clone();
        let (sender, names) = tokio::sync::oneshot::channel();
        let name = || thread::current().name().unwrap_or_default().to_owned();
        let task = async move {
            let first = name();
            tokio::task::yield_now().await;
            let second = name();
            set.set();
            tokio::task::yield_now().await;
            let _ = sender.send((first, second, name()));
        };
        tokio::spawn(Offload::new(task, flag)).await.unwrap();
        let (first, second, third) = names.await.unwrap();
        assert_eq!(first, second);
        assert_eq!(third, "long computation");
    }
}
