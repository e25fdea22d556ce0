//! What computes for long is carried on aside: by threads of a lower priority, as many as there are cores.
//!
//! The runtime's own threads are as many as cores, too. If long computations stayed on them, a short request would wait for
//! a tick of the clock at each of its steps, since a thread gives way only then. Aside, the operating system decides, and
//! wakes who waits for a moment before who computes for seconds. A computation goes aside once, and stays there; what is
//! short never does.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Added to our own. A third of the weight of the others, where all want to run: enough to finish while the machine is busy.
const NICENESS: i32 = 5;

/// Lives as long as the process: a runtime can't be dropped from within another.
static ASIDE: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("long computation")
        .on_thread_start(|| {
            // Without it they still are threads of their own.
            let lowered = rustix::process::getpriority_process(None)
                .and_then(|ours| rustix::process::setpriority_process(None, (ours + NICENESS).min(19)));
            if let Err(error) = lowered {
                tracing::debug!(%error, "long computations keep their priority");
            }
        })
        .enable_all()
        .build()
        .inspect_err(|error| tracing::warn!(%error, "long computations stay among the short ones"))
        .ok()
});

/// After how long a computation counts as long. A machine that is busy makes a short one look like some ticks.
pub const LONG: Duration = Duration::from_millis(30);

/// Says that a piece of work has turned out to be long.
#[derive(Clone, Default)]
pub struct Long(Arc<AtomicBool>);

impl Long {
    pub fn is_long(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Work that goes aside as soon as it says that it is long.
pub struct MayGoAside<F> {
    here: Option<Pin<Box<F>>>,
    aside: Option<JoinHandle<()>>,
    long: Long,
}

impl<F: Future<Output = ()> + Send + 'static> MayGoAside<F> {
    pub fn new(work: F, long: Long) -> Self {
        Self {
            here: Some(Box::pin(work)),
            aside: None,
            long,
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Future for MayGoAside<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(here) = &mut self.here {
            if here.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if !self.long.0.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            let Some(runtime) = ASIDE.as_ref() else {
                return Poll::Pending;
            };
            self.aside = self.here.take().map(|work| runtime.spawn(work));
        }
        match &mut self.aside {
            // A panic there has been told by the runtime there.
            Some(aside) => Pin::new(aside).poll(cx).map(drop),
            None => Poll::Ready(()),
        }
    }
}

/// Whoever gives up the work gives it up there too.
impl<F> Drop for MayGoAside<F> {
    fn drop(&mut self) {
        if let Some(aside) = &self.aside {
            aside.abort();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn work_changes_threads_once_it_says_that_it_is_long() {
        let long = Long::default();
        let told = long.clone();
        let (tell, told_of) = tokio::sync::oneshot::channel();
        let name = || thread::current().name().unwrap_or_default().to_owned();
        let work = async move {
            let before = name();
            tokio::task::yield_now().await;
            let still = name();
            told.is_long();
            tokio::task::yield_now().await;
            let _ = tell.send((before, still, name()));
        };
        tokio::spawn(MayGoAside::new(work, long)).await.unwrap();
        let (before, still, after) = told_of.await.unwrap();
        assert_eq!(before, still);
        assert_eq!(after, "long computation");
    }
}
