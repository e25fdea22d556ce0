//! Who writes next. One request at a time leads: it begins a batch, runs what waits in it, commits, tells everybody, and
//! hands the lead on to somebody who came meanwhile.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_store::{Batch, Database, StoreError, Transaction};

use super::notifier::{self, Notified, Notifier};

pub struct WriteQueue(Mutex<Waiting>);

struct Waiting {
    led: bool,
    /// Works for the next batch.
    parts: VecDeque<Part>,
    /// Those who want to write by themselves, before the next batch.
    alone: VecDeque<Waiter>,
}

struct Part {
    work: Box<dyn Work>,
    /// Of whoever waits for it; `None`: they lead.
    waiter: Option<Waiter>,
}

/// Somebody's place in the line, as the others see it.
struct Waiter {
    state: Arc<AtomicU8>,
    notifier: Notifier,
}

/// The same, as they see it themselves.
struct Ticket<'a> {
    queue: &'a WriteQueue,
    state: Arc<AtomicU8>,
    notified: Notified,
}

/// States of a place: nothing yet; given the lead; has taken it; the request is gone.
const WAITS: u8 = 0;
const CALLED: u8 = 1;
const LEADS: u8 = 2;
const GONE: u8 = 3;

/// A work whose outcome lies elsewhere.
trait Work: Send {
    fn run(&mut self, batch: &mut Batch<'_>);
    fn fail(&mut self, error: StoreError);
}

type SharedResult<T, E> = Arc<Mutex<Option<Result<T, E>>>>;

struct Typed<T, E, F> {
    work: Option<F>,
    outcome: SharedResult<T, E>,
}

impl<T, E, F> Work for Typed<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, batch: &mut Batch<'_>) {
        if let Some(work) = self.work.take() {
            *held(&self.outcome) = Some(batch.add(work));
        }
    }

    fn fail(&mut self, error: StoreError) {
        *held(&self.outcome) = Some(Err(error.into()));
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lead. Dropping it hands it on.
pub struct WritePermit<'a>(&'a WriteQueue);

impl Drop for WritePermit<'_> {
    fn drop(&mut self) {
        self.0.hand_on();
    }
}

impl Waiter {
    /// Gives its owner the lead; not if they are gone.
    fn call(self) -> bool {
        let called = self
            .state
            .compare_exchange(WAITS, CALLED, Ordering::Relaxed, Ordering::Relaxed);
        drop(self.notifier);
        called.is_ok()
    }
}

impl Ticket<'_> {
    /// Waits for the notifier; says whether it was to take the lead.
    async fn called(&mut self) -> bool {
        self.notified.notified().await;
        self.state
            .compare_exchange(CALLED, LEADS, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.state.swap(GONE, Ordering::Relaxed) == CALLED {
            self.queue.hand_on();
        }
    }
}

impl WriteQueue {
    pub const fn new() -> Self {
        Self(Mutex::new(Waiting {
            led: false,
            parts: VecDeque::new(),
            alone: VecDeque::new(),
        }))
    }

    fn waiter(&self) -> (Waiter, Ticket<'_>) {
        let state = Arc::new(AtomicU8::new(WAITS));
        let (notifier, notified) = notifier::pair();
        let waiter = Waiter {
            state: state.clone(),
            notifier,
        };
        (
            waiter,
            Ticket {
                queue: self,
                state,
                notified,
            },
        )
    }

    /// Runs `work` in the next batch.
    pub async fn write<T, E>(
        &self,
        database: &Database,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let outcome = SharedResult::<T, E>::default();
        let work = Box::new(Typed {
            work: Some(work),
            outcome: outcome.clone(),
        });
        let place = {
            let mut waiting = held(&self.0);
            let (waiter, place) = if std::mem::replace(&mut waiting.led, true) {
                let (waiter, place) = self.waiter();
                (Some(waiter), Some(place))
            } else {
                (None, None)
            };
            waiting.parts.push_back(Part { work, waiter });
            place
        };
        let leads = match place {
            Some(mut place) => place.called().await,
            None => true,
        };
        if leads {
            self.lead(WritePermit(self), database).await;
        }
        let outcome = held(&outcome).take();
        outcome.unwrap_or_else(|| {
            Err(E::from(StoreError::Unavailable {
                reason: "whoever wrote for this request gave up".into(),
            }))
        })
    }

    async fn lead(&self, _turn: WritePermit<'_>, database: &Database) {
        let mut batch = match database.batch().await {
            Ok(batch) => batch,
            Err(error) => {
                let mut parts = std::mem::take(&mut held(&self.0).parts);
                parts.iter_mut().for_each(|part| part.work.fail(error.clone()));
                return;
            }
        };
        // With those that came while it waited for the lock.
        let mut parts = std::mem::take(&mut held(&self.0).parts);
        for part in &mut parts {
            part.work.run(&mut batch);
        }
        if let Err(error) = batch.commit().await {
            parts.iter_mut().for_each(|part| part.work.fail(error.clone()));
        }
    }

    /// The right to write by oneself.
    pub async fn write_permit(&self) -> WritePermit<'_> {
        let place = {
            let mut waiting = held(&self.0);
            if std::mem::replace(&mut waiting.led, true) {
                let (waiter, place) = self.waiter();
                waiting.alone.push_back(waiter);
                Some(place)
            } else {
                None
            }
        };
        if let Some(mut place) = place {
            place.called().await;
        }
        WritePermit(self)
    }

    fn hand_on(&self) {
        let mut waiting = held(&self.0);
        while let Some(waiter) = waiting.alone.pop_front() {
            if waiter.call() {
                return;
            }
        }
        while let Some(part) = waiting.parts.front_mut() {
            if part.waiter.take().is_some_and(Waiter::call) {
                return;
            }
            // Nobody waits for it any more.
            waiting.parts.pop_front();
        }
        waiting.led = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use nexus_store::params;

    use super::*;

    struct Scene {
        _folder: tempfile::TempDir,
        writer: Database,
        reader: Database,
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nexus.db");
        let reader = Database::open_file(&path).unwrap();
        reader.execute("CREATE TABLE t (x UNIQUE)", &[]).unwrap();
        Scene {
            writer: Database::open_file(&path).unwrap(),
            reader,
            _folder: folder,
        }
    }

    impl Scene {
        fn count(&self) -> usize {
            self.reader.query("SELECT x FROM t", &[]).unwrap().len()
        }
    }

    fn insert(x: i64) -> impl FnOnce(&Transaction<'_>) -> Result<i64, StoreError> + Send {
        move |tx| tx.execute("INSERT INTO t VALUES (?1)", params![x]).map(|()| x)
    }

    #[tokio::test]
    async fn each_of_many_gets_its_own_outcome_and_finds_it_committed() {
        let (scene, line) = (scene(), WriteQueue::new());
        let turn = line.write_permit().await;
        let writers = join_all((0..64).map(|n| {
            let (line, scene) = (&line, &scene);
            async move {
                let made = line.write(&scene.writer, insert(n / 2)).await;
                assert!(scene.count() >= 32, "all of it was one commit");
                made
            }
        }));
        let released = async {
            tokio::task::yield_now().await;
            drop(turn);
        };
        let (made, ()) = tokio::join!(writers, released);
        let (good, bad): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (32, 32));
        assert!(bad.iter().all(|error| error.as_ref().unwrap_err().is_not_unique("t.x")));
        assert_eq!(scene.count(), 32);
    }

    #[tokio::test]
    async fn whoever_goes_away_keeps_nobody_waiting() {
        let (scene, line) = (scene(), WriteQueue::new());
        let turn = line.write_permit().await;
        let mut gone = Box::pin(line.write(&scene.writer, insert(1)));
        let mut called = Box::pin(line.write_permit());
        assert!(gone.as_mut().now_or_never().is_none() && called.as_mut().now_or_never().is_none());
        drop(gone);
        drop(turn);
        drop(called);
        assert_eq!(line.write(&scene.writer, insert(2)).await, Ok(2));
        assert_eq!(scene.count(), 1, "what nobody waits for isn't done");
    }

    #[tokio::test]
    async fn nobody_else_writes_in_somebody_s_turn() {
        static QUEUE: LazyLock<WriteQueue> = LazyLock::new(WriteQueue::new);
        let scene = scene();
        let turn = QUEUE.write_permit().await;
        let mut other = Box::pin(QUEUE.write(&scene.writer, insert(1)));
        assert!(other.as_mut().now_or_never().is_none());
        scene.reader.transaction(|tx| insert(2)(tx)).unwrap();
        drop(turn);
        assert_eq!(other.await, Ok(1));
        assert_eq!(scene.count(), 2);
    }
}
