//! The instances of one component, and the choice of an instance for each request.
//!
//! More computing instances than cores would only evict each other's memory from the caches. While fewer instances than
//! that compute, a request goes to the instance that became free last, or to a new one. Otherwise it waits, and the next
//! instance that becomes free takes it directly. An instance offers itself when its guest is idle or waits for something.
//!
//! No request waits behind a long computation. An instance that computes for more than a tick of the clock no longer
//! counts as computing, and a request that it was given but has not started goes to another instance. When no instance
//! takes a request for a moment, a waiting request gets a new instance.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::task::AtomicWaker;
use http::{Request, Response};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::WasiBody;

use super::factory::InstanceFactory;
use super::job::{Job, NoAnswer};
use super::offload::{LongFlag, Offload};
use crate::state::Shared;

/// The interval at which the queue is checked, and the longest time in which no waiting request is taken.
const QUEUE_CHECK: Duration = Duration::from_millis(2);

pub struct Pool {
    factory: InstanceFactory,
    cores: usize,
    computing: AtomicUsize,
    queues: Mutex<Queues>,
}

struct Queues {
    /// Instances that can take a request. The last one is chosen first.
    free: Vec<Arc<Slot>>,
    /// Requests without an instance, each with the start of its wait.
    waiting: VecDeque<(Instant, Job)>,
    /// When an instance last took a waiting request.
    last_taken: Instant,
    /// Whether the task that checks the queue runs.
    is_checked: bool,
}

/// The inbox of one instance.
#[derive(Default)]
pub struct Slot {
    inbox: Mutex<Option<Job>>,
    waker: AtomicWaker,
    /// Whether the instance counts in the pool's `computing`.
    counted: AtomicBool,
}

#[derive(Debug, thiserror::Error)]
#[error("no instance became free in time")]
pub struct NoInstance;

impl Pool {
    pub fn new(factory: InstanceFactory) -> Arc<Self> {
        Arc::new(Self {
            factory,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            computing: AtomicUsize::new(0),
            queues: Mutex::new(Queues {
                free: Vec::new(),
                waiting: VecDeque::new(),
                last_taken: Instant::now(),
                is_checked: false,
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
            // The instance ended with all its requests. It has logged the reason.
            Err(_) => Err(NoAnswer::Failed(wasmtime::format_err!(
                "its instance ended before the answer"
            ))),
        }
    }

    fn submit(self: &Arc<Self>, job: Job) {
        let mut queues = self.queues();
        let has_core = self.computing.load(Ordering::Relaxed) < self.cores;
        let left = if has_core {
            self.assign(&mut queues, job)
        } else {
            Some(job)
        };
        let Some(job) = left else { return };
        let now = Instant::now();
        if queues.waiting.is_empty() {
            queues.last_taken = now;
        }
        queues.waiting.push_back((now, job));
        if !queues.is_checked {
            queues.is_checked = true;
            tokio::spawn(self.clone().check_queue());
        }
    }

    /// Gives a request to a free instance or to a new one. Returns the request if there is no permit for a new instance.
    fn assign(self: &Arc<Self>, queues: &mut Queues, job: Job) -> Option<Job> {
        if let Some(slot) = queues.free.pop() {
            self.set_computing(&slot);
            slot.put(job);
            return None;
        }
        let permits = self.factory.shared().instances.clone();
        let Ok(permit) = permits.try_acquire_owned() else {
            return Some(job);
        };
        self.start(permit, job);
        None
    }

    fn start(self: &Arc<Self>, permit: OwnedSemaphorePermit, job: Job) {
        let slot = Arc::new(Slot::default());
        self.set_computing(&slot);
        let long = LongFlag::default();
        let instance = super::run(self.clone(), slot, permit, job, long.clone());
        tokio::spawn(Offload::new(instance, long));
    }

    /// Runs while requests wait. Ends waits that exceed the queue timeout, and makes an instance when none takes a request.
    async fn check_queue(self: Arc<Self>) {
        let timeout = self.factory.shared().limits.queue_timeout;
        loop {
            tokio::time::sleep(QUEUE_CHECK).await;
            let mut queues = self.queues();
            while let Some((since, _)) = queues.waiting.front()
                && since.elapsed() >= timeout
                && let Some((_, job)) = queues.waiting.pop_front()
            {
                let _ = job.reply.send(Err(NoInstance.into()));
            }
            if queues.last_taken.elapsed() >= QUEUE_CHECK
                && let Some((since, job)) = queues.waiting.pop_front()
            {
                match self.assign(&mut queues, job) {
                    None => queues.last_taken = Instant::now(),
                    Some(job) => queues.waiting.push_front((since, job)),
                }
            }
            if queues.waiting.is_empty() {
                queues.is_checked = false;
                return;
            }
        }
    }

    pub fn factory(&self) -> &InstanceFactory {
        &self.factory
    }

    /// Offers an instance that can take one more request. Returns a waiting request; without one, the instance is listed as
    /// free.
    pub fn offer(&self, slot: &Arc<Slot>) -> Option<Job> {
        let mut queues = self.queues();
        if let Some((_, job)) = queues.waiting.pop_front() {
            queues.last_taken = Instant::now();
            self.set_computing(slot);
            return Some(job);
        }
        if slot.inbox().is_none() && !queues.free.iter().any(|free| Arc::ptr_eq(free, slot)) {
            queues.free.push(slot.clone());
        }
        None
    }

    /// Removes an instance from the free list. Returns whether it was listed; then its inbox is empty.
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

    /// Stops giving requests to an instance that computes for long. A request that it has not started goes to another one.
    pub fn pass_over(self: &Arc<Self>, slot: &Arc<Slot>) {
        self.set_waiting(slot);
        self.withdraw(slot);
        if let Some(job) = slot.take() {
            self.submit(job);
        }
    }

    /// Removes an instance that has ended. At the end of the process no other instance takes over its request.
    pub fn remove(self: &Arc<Self>, slot: &Arc<Slot>) {
        if tokio::runtime::Handle::try_current().is_ok() {
            self.pass_over(slot);
        }
    }

    fn set_computing(&self, slot: &Slot) {
        if !slot.counted.swap(true, Ordering::Relaxed) {
            self.computing.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that the instance does not compute now.
    pub fn set_waiting(&self, slot: &Slot) {
        if slot.counted.swap(false, Ordering::Relaxed) {
            self.computing.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// To call with the pool's lock held, so that an instance is never both listed as free and given a request.
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

/// An instance's slot in its pool, for the clock's callback. The callback is part of the instance and must not keep the pool
/// alive.
pub struct SlotRef {
    pub pool: Weak<Pool>,
    pub slot: Weak<Slot>,
    pub long: LongFlag,
}

impl SlotRef {
    pub fn offload(&self) {
        self.long.set();
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

/// Counts an instance while it lives.
pub struct Counted(Arc<Shared>);

impl Counted {
    pub fn new(shared: Arc<Shared>) -> Self {
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
