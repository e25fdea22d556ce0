//! The instances of one component, and which of them gets a request.
//!
//! There is no use in more instances that compute than there are cores: they would only push each other's memory out
//! of the caches. So a request goes to the instance that became free last, or to a new one, as long as fewer compute
//! than that; otherwise it waits for the next that finishes, which takes it without a detour. An instance offers
//! itself when its guest has nothing to do or waits for something.
//!
//! Nobody waits behind a long computation: an instance that computes for more than a tick of the clock no longer
//! counts, and what it was handed and hasn't begun goes elsewhere; and when no instance takes anything for a moment,
//! whoever waits gets a new one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::task::AtomicWaker;
use http::{Request, Response};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::WasiBody;

use crate::aside::{Long, MayGoAside};
use crate::instance::{self, Instances};

/// How often somebody looks after the requests that wait, and how long nothing may move.
const LOOK_AFTER: Duration = Duration::from_millis(2);

/// Why a component gave no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// No instance could be had in time.
    Busy,
    /// It trapped, ran out of its limits, or answered with an error.
    Failed(wasmtime::Error),
}

pub type Answer = wasmtime::Result<Response<WasiBody>>;
pub type Reply = oneshot::Sender<Answer>;

/// A request on its way to an instance.
pub struct Job {
    pub request: Request<WasiBody>,
    pub reply: Reply,
}

pub struct Pool {
    instances: Instances,
    cores: usize,
    computing: AtomicUsize,
    queues: Mutex<Queues>,
}

struct Queues {
    /// Instances that take a request now, the one to ask first at the end.
    free: Vec<Arc<Slot>>,
    /// Requests without an instance, and since when.
    waiting: VecDeque<(Instant, Job)>,
    /// When an instance last took one of them.
    moved: Instant,
    looked_after: bool,
}

/// Where a request is put for one instance.
#[derive(Default)]
pub struct Slot {
    inbox: Mutex<Option<Job>>,
    waker: AtomicWaker,
    /// Counted in the pool's `computing`.
    counted: AtomicBool,
}

#[derive(Debug, thiserror::Error)]
#[error("no instance became free in time")]
pub struct NoInstance;

impl Pool {
    pub fn new(instances: Instances) -> Arc<Self> {
        Arc::new(Self {
            instances,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            computing: AtomicUsize::new(0),
            queues: Mutex::new(Queues {
                free: Vec::new(),
                waiting: VecDeque::new(),
                moved: Instant::now(),
                looked_after: false,
            }),
        })
    }

    pub async fn handle(self: &Arc<Self>, request: Request<WasiBody>) -> Result<Response<WasiBody>, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job { request, reply });
        match answer.await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if is_busy(&error) => Err(NoAnswer::Busy),
            Ok(Err(error)) => Err(NoAnswer::Failed(error)),
            // The instance ended with all its requests; it has told the log why.
            Err(_) => Err(NoAnswer::Failed(wasmtime::format_err!(
                "its instance ended before the answer"
            ))),
        }
    }

    fn submit(self: &Arc<Self>, job: Job) {
        let mut queues = self.queues();
        let has_core = self.computing.load(Ordering::Relaxed) < self.cores;
        let left = if has_core {
            self.place(&mut queues, job)
        } else {
            Some(job)
        };
        let Some(job) = left else { return };
        let now = Instant::now();
        if queues.waiting.is_empty() {
            queues.moved = now;
        }
        queues.waiting.push_back((now, job));
        if !queues.looked_after {
            queues.looked_after = true;
            tokio::spawn(self.clone().look_after());
        }
    }

    /// Gives a request to a free instance or to a new one; gives it back if none may be made.
    fn place(self: &Arc<Self>, queues: &mut Queues, job: Job) -> Option<Job> {
        if let Some(slot) = queues.free.pop() {
            self.begin(&slot);
            slot.put(job);
            return None;
        }
        let permits = self.instances.shared().instances.clone();
        let Ok(permit) = permits.try_acquire_owned() else {
            return Some(job);
        };
        self.start(permit, job);
        None
    }

    fn start(self: &Arc<Self>, permit: OwnedSemaphorePermit, job: Job) {
        let slot = Arc::new(Slot::default());
        self.begin(&slot);
        let long = Long::default();
        let life = instance::run(self.clone(), slot, permit, job, long.clone());
        tokio::spawn(MayGoAside::new(life, long));
    }

    /// For as long as requests wait: sees to it that something moves, and that nobody waits for too long.
    async fn look_after(self: Arc<Self>) {
        let longest = self.instances.shared().limits.queue_timeout;
        loop {
            tokio::time::sleep(LOOK_AFTER).await;
            let mut queues = self.queues();
            while let Some((since, _)) = queues.waiting.front()
                && since.elapsed() >= longest
                && let Some((_, job)) = queues.waiting.pop_front()
            {
                let _ = job.reply.send(Err(NoInstance.into()));
            }
            if queues.moved.elapsed() >= LOOK_AFTER
                && let Some((since, job)) = queues.waiting.pop_front()
            {
                match self.place(&mut queues, job) {
                    None => queues.moved = Instant::now(),
                    Some(job) => queues.waiting.push_front((since, job)),
                }
            }
            if queues.waiting.is_empty() {
                queues.looked_after = false;
                return;
            }
        }
    }

    pub fn instances(&self) -> &Instances {
        &self.instances
    }

    /// An instance takes one more request: one that waits, or the next that comes.
    pub fn offer(&self, slot: &Arc<Slot>) -> Option<Job> {
        let mut queues = self.queues();
        if let Some((_, job)) = queues.waiting.pop_front() {
            queues.moved = Instant::now();
            self.begin(slot);
            return Some(job);
        }
        if slot.inbox().is_none() && !queues.free.iter().any(|free| Arc::ptr_eq(free, slot)) {
            queues.free.push(slot.clone());
        }
        None
    }

    /// Takes an instance off the list. Whether it was on it, and so has nothing in its inbox.
    pub fn withdraw(&self, slot: &Arc<Slot>) -> bool {
        let mut queues = self.queues();
        let index = queues.free.iter().position(|free| Arc::ptr_eq(free, slot));
        match index {
            Some(index) => {
                queues.free.remove(index);
                true
            }
            None => false,
        }
    }

    /// The instance computes for long: it gets no more, and what it hasn't begun goes to another.
    pub fn pass_over(self: &Arc<Self>, slot: &Arc<Slot>) {
        self.rest(slot);
        self.withdraw(slot);
        if let Some(job) = slot.take() {
            self.submit(job);
        }
    }

    /// The instance is gone. At the end of the process nobody can take over what it hasn't begun.
    pub fn forget(self: &Arc<Self>, slot: &Arc<Slot>) {
        if tokio::runtime::Handle::try_current().is_ok() {
            self.pass_over(slot);
        }
    }

    fn begin(&self, slot: &Slot) {
        if !slot.counted.swap(true, Ordering::Relaxed) {
            self.computing.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The instance doesn't compute now.
    pub fn rest(&self, slot: &Slot) {
        if slot.counted.swap(false, Ordering::Relaxed) {
            self.computing.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Called with the pool's lock held, so that an instance is never both on the list and given a request.
    fn put(&self, job: Job) {
        *self.inbox() = Some(job);
        self.waker.wake();
    }

    pub fn take(&self) -> Option<Job> {
        self.inbox().take()
    }

    pub fn listen(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    fn inbox(&self) -> MutexGuard<'_, Option<Job>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For the clock's callback, which lives in the instance and mustn't keep the pool alive.
pub struct Place {
    pub pool: Weak<Pool>,
    pub slot: Weak<Slot>,
    pub long: Long,
}

impl Place {
    pub fn go_aside(&self) {
        self.long.is_long();
    }

    pub fn pass_over(&self) {
        if let (Some(pool), Some(slot)) = (self.pool.upgrade(), self.slot.upgrade()) {
            pool.pass_over(&slot);
        }
    }
}

fn is_busy(error: &wasmtime::Error) -> bool {
    error.is::<NoInstance>() || error.is::<wasmtime::PoolConcurrencyLimitError>()
}

/// Counts an instance for as long as it lives.
pub struct Counted(Arc<crate::state::Shared>);

impl Counted {
    pub fn new(shared: Arc<crate::state::Shared>) -> Self {
        shared.live_instances.fetch_add(1, Ordering::Relaxed);
        shared.instances_made.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.live_instances.fetch_sub(1, Ordering::Relaxed);
    }
}
