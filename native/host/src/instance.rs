//! One instance: it takes requests, runs them concurrently, and ends.

pub mod buffered_response;
pub mod factory;
pub mod job;
pub mod memory;
mod offload;
pub mod pool;
pub mod progress;
pub mod response_body;
mod wake_flag;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::stream::{FuturesUnordered, StreamExt};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::{Accessor, Func};
use wasmtime::{AsContextMut, Store};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{Prepared, Proxy};

use self::buffered_response::BufferedResponse;
use self::job::Job;
use self::offload::LongFlag;
use self::pool::{Counted, Pool, Slot, SlotRef};
use self::response_body::ResponseBodies;
use self::wake_flag::WakeFlag;
use crate::state::GuestState;

/// The number of further polls for a guest that has more to do, before its buffered responses leave as they are.
const MAX_MORE_TURNS: usize = 16;

/// Makes an instance for its first request, and runs it until it ends.
pub async fn run(pool: Arc<Pool>, slot: Arc<Slot>, permit: OwnedSemaphorePermit, job: Job, long: LongFlag) {
    let slot_ref = SlotRef {
        pool: Arc::downgrade(&pool),
        slot: Arc::downgrade(&slot),
        long,
    };
    // Dropped last, on every path.
    let _membership = Membership {
        pool: &pool,
        slot: &slot,
        permit: Some(permit),
    };
    let made = async {
        let mut store = pool.factory().store(slot_ref)?;
        let proxy = pool.factory().pre.instantiate_async(&mut store).await?;
        wasmtime::error::Ok((store, proxy))
    };
    match made.await {
        Ok((store, proxy)) => {
            let _counted = Counted::new(pool.factory().shared().clone());
            let mut alive = Alive {
                store: Some(store),
                bodies: ResponseBodies::default(),
            };
            let mut work = Work {
                pool: &pool,
                slot: &slot,
                proxy: &proxy,
                bodies: &alive.bodies,
                buffered: Mutex::default(),
                settled: AtomicBool::new(false),
                idle: AtomicBool::new(false),
            };
            if let Some(store) = &mut alive.store
                && let Err(error) = work.run(store, job).await
            {
                let component = &pool.factory().component.id;
                tracing::warn!(%component, "an instance ended early: {error:#}");
                tracing::debug!("{error:?}");
            }
        }
        Err(error) => {
            let _ = job.reply.send(Err(error));
        }
    }
}

/// An instance and the bodies that it writes. When it ends early, its unfinished bodies end with an error.
struct Alive {
    store: Option<Store<GuestState>>,
    bodies: ResponseBodies,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.bodies.collect();
        self.store = None;
        self.bodies.abandon();
    }
}

/// Removes the instance from its pool when it ends, also by a panic of the host.
struct Membership<'a> {
    pool: &'a Arc<Pool>,
    slot: &'a Arc<Slot>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Membership<'_> {
    fn drop(&mut self) {
        self.permit = None;
        self.pool.remove(self.slot);
    }
}

struct Work<'a> {
    pool: &'a Arc<Pool>,
    slot: &'a Arc<Slot>,
    proxy: &'a Proxy,
    bodies: &'a ResponseBodies,
    buffered: Mutex<Vec<BufferedResponse>>,
    /// Whether all requests wait for something. Until then the instance counts as computing.
    settled: AtomicBool,
    /// Whether the instance has no request.
    idle: AtomicBool,
}

impl Work<'_> {
    async fn run(&mut self, store: &mut Store<GuestState>, job: Job) -> wasmtime::Result<()> {
        let progress = store.data().progress.clone();
        let idle_timeout = self.pool.factory().shared().limits.idle_timeout;
        let me = &*self;
        let mut serve = pin!(store.run_concurrent(async |accessor| me.serve(accessor, job).await));
        let mut turn = |cx: &mut Context<'_>| {
            progress.begin_turn();
            let poll = serve.as_mut().poll(cx);
            (poll, progress.end_turn())
        };
        let mut idle_since = None::<Instant>;
        let mut sleep = pin!(tokio::time::sleep(Duration::ZERO));
        let woken = Arc::new(WakeFlag::default());
        let waker = Waker::from(woken.clone());
        let mut postponed = false;
        poll_fn(|cx| {
            woken.forward_to(cx.waker());
            let outer = cx;
            let cx = &mut Context::from_waker(&waker);
            let (mut poll, mut waits) = turn(cx);
            // The guest has more to do at once, which may complete buffered responses.
            let mut turns = 0;
            while poll.is_pending() && woken.take() && turns < MAX_MORE_TURNS && !me.buffered().is_empty() {
                turns += 1;
                (poll, waits) = turn(cx);
            }
            if poll.is_pending() && waits {
                me.pool.set_waiting(me.slot);
                // It can take another request now. The next poll offers it to the pool.
                if !me.settled.swap(true, Ordering::Relaxed) {
                    (poll, _) = turn(cx);
                }
            }
            if let Poll::Ready(result) = poll {
                let result = result.and_then(|inner| inner);
                match &result {
                    Ok(()) => me.flush(),
                    Err(_) => me
                        .buffered()
                        .drain(..)
                        .for_each(|answer| answer.send_if_complete(me.bodies, cx)),
                }
                return Poll::Ready(result);
            }
            // The guest waits, or was interrupted, or other tasks had to run twice.
            if turns < MAX_MORE_TURNS || std::mem::take(&mut postponed) {
                me.flush();
            } else {
                postponed = true;
            }
            if !me.idle.load(Ordering::Relaxed) {
                idle_since = None;
                return Poll::Pending;
            }
            if idle_since.is_none() {
                idle_since = Some(Instant::now());
                sleep.as_mut().reset(tokio::time::Instant::now() + idle_timeout);
            }
            if sleep.as_mut().poll(outer).is_ready() {
                if me.pool.withdraw(me.slot) {
                    return Poll::Ready(Ok(()));
                }
                // A request is on its way.
                idle_since = None;
            }
            Poll::Pending
        })
        .await
    }

    async fn serve(&self, accessor: &Accessor<GuestState>, first: Job) -> wasmtime::Result<()> {
        let (reuse, at_once) = self.pool.factory().reuse();
        let handler = match self.proxy {
            Proxy::P3(guest) => *guest.wasi_http_handler().func_handle().func(),
            Proxy::P2(guest) => *guest.wasi_http_incoming_handler().func_handle().func(),
        };
        let mut running = FuturesUnordered::new();
        let max_memory = self.pool.factory().shared().limits.max_reused_memory_bytes;
        let mut taken = 0;
        let mut spent = false;
        let mut next = Some(first);
        poll_fn(|cx| {
            loop {
                if let Some(job) = next.take().or_else(|| self.slot.take()) {
                    // Buffered responses do not wait for the next request.
                    self.flush();
                    taken += 1;
                    self.settled.store(false, Ordering::Relaxed);
                    self.idle.store(false, Ordering::Relaxed);
                    running.push(self.answer(accessor, job));
                }
                match running.poll_next_unpin(cx) {
                    Poll::Ready(Some(Ok(()))) => {
                        spent |= accessor.with(|mut access| access.get().memory.used() > max_memory);
                        self.settled.store(false, Ordering::Relaxed);
                        continue;
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) | Poll::Pending => {}
                }
                spent |= taken >= reuse;
                self.poll_buffered(cx);
                let has_room = !spent
                    && running.len() < at_once
                    && (self.settled.load(Ordering::Relaxed) || running.is_empty() && self.buffered().is_empty())
                    && accepts(accessor, handler, cx);
                if has_room {
                    self.slot.listen(cx.waker());
                    next = self.pool.offer(self.slot);
                    if next.is_some() {
                        continue;
                    }
                }
                if !running.is_empty() || accessor.poll_no_interesting_tasks(cx).is_pending() {
                    return Poll::Pending;
                }
                if spent {
                    return Poll::Ready(Ok(()));
                }
                self.idle.store(true, Ordering::Relaxed);
                return Poll::Pending;
            }
        })
        .await
    }

    async fn answer(&self, accessor: &Accessor<GuestState>, job: Job) -> wasmtime::Result<()> {
        let (reply, mut answered) = oneshot::channel();
        let prepared = accessor.with(|mut store| {
            let mut store = store.as_context_mut();
            store.data().progress.touch();
            Prepared::new(
                store.as_context_mut(),
                self.proxy,
                job.request,
                WasiHttpView::http,
                reply,
            )
        })?;
        // The clock ends an endless computation. A wait has no limit here.
        let run = prepared.run(accessor, std::future::pending());
        let reply = job.reply;
        match self.proxy {
            Proxy::P3(_) => {
                run.await?;
                if let Ok(Some(answer)) = answered.try_recv() {
                    self.buffered().extend(BufferedResponse::new(reply, answer));
                }
            }
            // A WASI 0.2 guest answers before it writes its body, and waits for the reader.
            Proxy::P2(_) => {
                let send = async {
                    if let Ok(answer) = answered.await {
                        let watch = |body| self.bodies.watch(VecDeque::new(), body).boxed_unsync();
                        // The client may be gone.
                        let _ = reply.send(answer.map(|answer| answer.map(watch)));
                    }
                };
                futures::future::join(run, send).await.0?;
            }
        }
        accessor.with(|mut access| access.get().progress.touch());
        Ok(())
    }

    /// Sends the responses that are complete.
    fn poll_buffered(&self, cx: &mut Context<'_>) {
        for answer in self
            .buffered()
            .extract_if(.., |answer| answer.poll_buffer(cx).is_ready())
        {
            answer.send(self.bodies);
        }
    }

    /// Sends all buffered responses.
    fn flush(&self) {
        self.buffered().drain(..).for_each(|answer| answer.send(self.bodies));
    }

    fn buffered(&self) -> MutexGuard<'_, Vec<BufferedResponse>> {
        self.buffered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the guest's backpressure admits another request.
fn accepts(accessor: &Accessor<GuestState>, handler: Func, cx: &mut Context<'_>) -> bool {
    accessor.poll_ready_for_concurrent_call(handler, cx).is_ready()
}
