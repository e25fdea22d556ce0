//! One instance at work: it takes requests, runs them side by side, and ends.

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
use wasmtime::{AsContextMut, Engine, Store, UpdateDeadline};
use wasmtime_wasi_http::handler::{Prepared, Proxy, ProxyPre};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpView};

use crate::aside::{self, Long};
use crate::leaving::Leaving;
use crate::memory::MemoryLimit;
use crate::noticed::Noticed;
use crate::outbound::{Outbound, Ways};
use crate::pool::{Counted, Job, Place, Pool, Slot};
use crate::state::{App, GuestState, Progress, Shared};
use crate::unfinished::Bodies;
use crate::{engine, wasi};

/// How often a guest that has more to do is let go on before its answers leave as they are.
const MORE_TURNS: usize = 16;

/// Makes the instances of one component.
pub struct Instances {
    pub engine: Engine,
    pub pre: ProxyPre<GuestState>,
    pub app: Arc<App>,
    pub ways: Arc<Ways>,
}

impl Instances {
    pub fn shared(&self) -> &Arc<Shared> {
        &self.app.shared
    }

    /// How many requests an instance serves, and how many at once. As on Spin, one of WASI 0.2 serves one.
    fn reuse(&self) -> (usize, usize) {
        let limits = &self.shared().limits;
        match self.pre {
            ProxyPre::P3(_) => (limits.max_instance_reuse, limits.max_concurrent_reuse),
            ProxyPre::P2(_) => (1, 1),
        }
    }

    fn store(&self, place: Place) -> wasmtime::Result<Store<GuestState>> {
        let app = &self.app;
        let limits = app.shared.limits;
        let progress = Arc::new(Progress::default());
        let state = GuestState {
            table: Default::default(),
            wasi: wasi::context(app)?,
            http: WasiHttpCtx::new(),
            outbound: Outbound::new(app.allowed_hosts.clone(), self.ways.clone(), progress.clone()),
            memory: MemoryLimit::new(limits.max_memory_bytes),
            progress: progress.clone(),
            connections: 0,
            stores: 0,
            app: app.clone(),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(1);
        let deadline = limits.request_deadline;
        store.epoch_deadline_callback(move |_| {
            if progress.computing_for() > deadline {
                return Err(wasmtime::format_err!(
                    "the guest computed for {deadline:?} without a sign of progress"
                ));
            }
            progress.gave_way();
            if progress.computing_for() >= engine::TICK {
                place.pass_over();
            }
            if progress.computing_for() >= aside::LONG {
                place.go_aside();
            }
            // Lets the runtime look at its sockets as well, however many guests compute.
            let pause = Box::pin(tokio::task::yield_now());
            Ok(UpdateDeadline::YieldCustom(1, pause))
        });
        Ok(store)
    }
}

/// The whole life of an instance, from its first request on.
pub async fn run(pool: Arc<Pool>, slot: Arc<Slot>, permit: OwnedSemaphorePermit, job: Job, long: Long) {
    let place = Place {
        pool: Arc::downgrade(&pool),
        slot: Arc::downgrade(&slot),
        long,
    };
    // Dropped last, however this ends.
    let _leave = Leave {
        pool: &pool,
        slot: &slot,
        permit: Some(permit),
    };
    let made = async {
        let mut store = pool.instances().store(place)?;
        let proxy = pool.instances().pre.instantiate_async(&mut store).await?;
        wasmtime::error::Ok((store, proxy))
    };
    match made.await {
        Ok((store, proxy)) => {
            let _counted = Counted::new(pool.instances().shared().clone());
            let mut alive = Alive {
                store: Some(store),
                bodies: Bodies::default(),
            };
            let mut work = Work {
                pool: &pool,
                slot: &slot,
                proxy: &proxy,
                bodies: &alive.bodies,
                leaving: Mutex::default(),
                settled: AtomicBool::new(false),
                idle: AtomicBool::new(false),
            };
            if let Some(store) = &mut alive.store
                && let Err(error) = work.run(store, job).await
            {
                let component = &pool.instances().app.id;
                tracing::warn!(%component, "an instance ended early: {error:#}");
                tracing::debug!("{error:?}");
            }
        }
        Err(error) => {
            let _ = job.reply.send(Err(error));
        }
    }
}

/// An instance, and the bodies that it writes: none of them outlives it looking whole.
struct Alive {
    store: Option<Store<GuestState>>,
    bodies: Bodies,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.bodies.collect();
        self.store = None;
        self.bodies.abandon();
    }
}

/// Gives its place in the pool back, also when the host panics.
struct Leave<'a> {
    pool: &'a Arc<Pool>,
    slot: &'a Arc<Slot>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.permit = None;
        self.pool.forget(self.slot);
    }
}

struct Work<'a> {
    pool: &'a Arc<Pool>,
    slot: &'a Arc<Slot>,
    proxy: &'a Proxy,
    bodies: &'a Bodies,
    leaving: Mutex<Vec<Leaving>>,
    /// Whether all requests so far wait for something; until then the instance is taken to be busy.
    settled: AtomicBool,
    /// Whether there is nothing to do.
    idle: AtomicBool,
}

impl Work<'_> {
    async fn run(&mut self, store: &mut Store<GuestState>, job: Job) -> wasmtime::Result<()> {
        let progress = store.data().progress.clone();
        let idle_timeout = self.pool.instances().shared().limits.idle_timeout;
        let me = &*self;
        let mut serve = pin!(store.run_concurrent(async |accessor| me.serve(accessor, job).await));
        let mut turn = |cx: &mut Context<'_>| {
            progress.begin_turn();
            let poll = serve.as_mut().poll(cx);
            (poll, progress.end_turn())
        };
        let mut idle_since = None::<Instant>;
        let mut sleep = pin!(tokio::time::sleep(Duration::ZERO));
        let noticed = Arc::new(Noticed::default());
        let noticing = Waker::from(noticed.clone());
        let mut postponed = false;
        poll_fn(|cx| {
            noticed.pass_on_to(cx.waker());
            let outer = cx;
            let cx = &mut Context::from_waker(&noticing);
            let (mut poll, mut waits) = turn(cx);
            // It has more to do at once, and answers that may become whole by it.
            let mut turns = 0;
            while poll.is_pending() && noticed.take() && turns < MORE_TURNS && !me.leaving().is_empty() {
                turns += 1;
                (poll, waits) = turn(cx);
            }
            if poll.is_pending() && waits {
                me.pool.rest(me.slot);
                // It may take more now, and says so when it is asked again.
                if !me.settled.swap(true, Ordering::Relaxed) {
                    (poll, _) = turn(cx);
                }
            }
            if let Poll::Ready(result) = poll {
                let result = result.and_then(|inner| inner);
                match &result {
                    Ok(()) => me.let_go(),
                    Err(_) => me
                        .leaving()
                        .drain(..)
                        .for_each(|answer| answer.leave_if_whole(me.bodies, cx)),
                }
                return Poll::Ready(result);
            }
            // The guest waits, or was made to give way, or it is others' turn for the second time.
            if turns < MORE_TURNS || std::mem::take(&mut postponed) {
                me.let_go();
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
        let (reuse, at_once) = self.pool.instances().reuse();
        let handler = match self.proxy {
            Proxy::P3(guest) => *guest.wasi_http_handler().func_handle().func(),
            Proxy::P2(guest) => *guest.wasi_http_incoming_handler().func_handle().func(),
        };
        let mut running = FuturesUnordered::new();
        let largest = self.pool.instances().shared().limits.max_reused_memory_bytes;
        let mut taken = 0;
        let mut spent = false;
        let mut next = Some(first);
        poll_fn(|cx| {
            loop {
                if let Some(job) = next.take().or_else(|| self.slot.take()) {
                    // Nobody waits for what comes next to compute.
                    self.let_go();
                    taken += 1;
                    self.settled.store(false, Ordering::Relaxed);
                    self.idle.store(false, Ordering::Relaxed);
                    running.push(self.answer(accessor, job));
                }
                match running.poll_next_unpin(cx) {
                    Poll::Ready(Some(Ok(()))) => {
                        spent |= accessor.with(|mut access| access.get().memory.used() > largest);
                        self.settled.store(false, Ordering::Relaxed);
                        continue;
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) | Poll::Pending => {}
                }
                spent |= taken >= reuse;
                self.poll_leaving(cx);
                let has_room = !spent
                    && running.len() < at_once
                    && (self.settled.load(Ordering::Relaxed) || running.is_empty() && self.leaving().is_empty())
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
        // What computes without end is stopped by the clock; what waits may wait.
        let run = prepared.run(accessor, std::future::pending());
        let reply = job.reply;
        match self.proxy {
            Proxy::P3(_) => {
                run.await?;
                if let Ok(Some(answer)) = answered.try_recv() {
                    self.leaving().extend(Leaving::new(reply, answer));
                }
            }
            // Answers before it writes its body, and waits for somebody to read it.
            Proxy::P2(_) => {
                let leave = async {
                    if let Ok(answer) = answered.await {
                        let watch = |body| self.bodies.watch(VecDeque::new(), body).boxed_unsync();
                        // Nobody may be there any more.
                        let _ = reply.send(answer.map(|answer| answer.map(watch)));
                    }
                };
                futures::future::join(run, leave).await.0?;
            }
        }
        accessor.with(|mut access| access.get().progress.touch());
        Ok(())
    }

    /// Sends off the answers that are whole.
    fn poll_leaving(&self, cx: &mut Context<'_>) {
        for answer in self.leaving().extract_if(.., |answer| answer.poll_more(cx).is_ready()) {
            answer.leave(self.bodies);
        }
    }

    /// Sends off all answers, as far as they are.
    fn let_go(&self) {
        self.leaving().drain(..).for_each(|answer| answer.leave(self.bodies));
    }

    fn leaving(&self) -> MutexGuard<'_, Vec<Leaving>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the guest's own backpressure lets another request in.
fn accepts(accessor: &Accessor<GuestState>, handler: Func, cx: &mut Context<'_>) -> bool {
    accessor.poll_ready_for_concurrent_call(handler, cx).is_ready()
}
