//! The instances of one component, and which of them gets a request.
//!
//! A request goes to the instance that became free last (its memory is still in the caches), or else to a new one,
//! or else waits. An instance offers itself again only when its guest waits for something: two requests that compute
//! are better off in two instances. One that computes for longer than a tick of the clock stops being offered, and
//! what it was handed and hasn't begun goes elsewhere, so that nobody waits behind an endless loop.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::task::AtomicWaker;
use http::{Request, Response};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::WasiBody;

use crate::instance::{self, Instances};

/// Why a component gave no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// No instance could be had in time.
    Busy,
    /// It trapped, ran out of its limits, or answered with an error.
    Failed(wasmtime::Error),
}

pub type Reply = futures::channel::oneshot::Sender<wasmtime::Result<Response<WasiBody>>>;

/// A request on its way to an instance.
pub struct Job {
    pub request: Request<WasiBody>,
    pub reply: Reply,
}

pub struct Pool {
    instances: Instances,
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    /// Instances that take a request now, the one to ask first at the end.
    free: Vec<Arc<Slot>>,
    /// Requests without an instance, by number.
    waiting: VecDeque<(u64, Job)>,
    next: u64,
}

/// Where a request is put for one instance.
#[derive(Default)]
pub struct Slot {
    inbox: Mutex<Option<Job>>,
    waker: AtomicWaker,
}

#[derive(Debug, thiserror::Error)]
#[error("no instance became free in time")]
pub struct NoInstance;

impl Pool {
    pub fn new(instances: Instances) -> Arc<Self> {
        Arc::new(Self {
            instances,
            queues: Mutex::default(),
        })
    }

    pub async fn handle(self: &Arc<Self>, request: Request<WasiBody>) -> Result<Response<WasiBody>, NoAnswer> {
        let (reply, answer) = futures::channel::oneshot::channel();
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
        if let Some(slot) = queues.free.pop() {
            slot.put(job);
            return;
        }
        let shared = self.instances.shared();
        if queues.waiting.is_empty()
            && let Ok(permit) = shared.instances.clone().try_acquire_owned()
        {
            drop(queues);
            self.start(permit, job);
            return;
        }
        let number = queues.next;
        queues.next += 1;
        queues.waiting.push_back((number, job));
        drop(queues);
        tokio::spawn(self.clone().wait(number, shared.limits.queue_timeout));
    }

    /// Gets a permit for whoever waits first, since by then another may have been served by an instance.
    async fn wait(self: Arc<Self>, number: u64, limit: Duration) {
        let instances = self.instances.shared().instances.clone();
        match tokio::time::timeout(limit, instances.acquire_owned()).await {
            Ok(Ok(permit)) => {
                let first = self.queues().waiting.pop_front();
                if let Some((_, job)) = first {
                    self.start(permit, job);
                }
            }
            _ => {
                let mut queues = self.queues();
                let index = queues.waiting.iter().position(|(n, _)| *n == number);
                if let Some((_, job)) = index.and_then(|index| queues.waiting.remove(index)) {
                    let _ = job.reply.send(Err(NoInstance.into()));
                }
            }
        }
    }

    fn start(self: &Arc<Self>, permit: OwnedSemaphorePermit, job: Job) {
        tokio::spawn(instance::run(self.clone(), permit, job));
    }

    pub fn instances(&self) -> &Instances {
        &self.instances
    }

    /// An instance takes one more request: one that waits, or the next that comes.
    pub fn offer(&self, slot: &Arc<Slot>) -> Option<Job> {
        let mut queues = self.queues();
        if let Some((_, job)) = queues.waiting.pop_front() {
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

    /// The instance computes, or is gone: it gets no more, and what it hasn't begun goes to another.
    pub fn pass_over(self: &Arc<Self>, slot: &Arc<Slot>) {
        self.withdraw(slot);
        if let Some(job) = slot.take() {
            self.submit(job);
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
}

impl Place {
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
