//! The embedder's view of a loaded application.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use http::{Request, Response};

use crate::application::{Application, Target};
use crate::body::Body;
use crate::config::HostConfig;
use crate::error::LoadError;
use crate::{load, resident};

/// A loaded application. Cloning is cheap, and all clones are the same application.
#[derive(Clone)]
pub struct Host(Arc<Application>);

/// A public route, and the component behind it unless the response is static.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteInfo {
    pub route: String,
    pub component: Option<String>,
}

/// Counters of a host since its start, and its present load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub live_instances: usize,
    pub instances_made: u64,
    pub requests_under_way: usize,
    pub open_database_connections: usize,
    pub statements: u64,
    /// Statements that ran on a thread that may block. The others ran on a runtime thread.
    pub statements_off_thread: u64,
}

impl Host {
    /// Reads the manifest, composes and compiles the components, and checks every grant.
    pub async fn load(config: HostConfig) -> Result<Self, LoadError> {
        load::load(config).await.map(Self)
    }

    /// Loads the components whose files have changed since they were loaded, and returns their names.
    ///
    /// New requests go to the new code. Requests in flight end on the code on which they began. The manifest is not read
    /// again. After an error every component runs as before.
    pub async fn reload(&self) -> Result<Vec<String>, LoadError> {
        load::reload(self.0.clone()).await
    }

    /// Drops the pages of program and component code from this process's memory, and returns the number of bytes dropped.
    /// Code that runs again is read from the page cache. Does nothing once components were reloaded.
    pub async fn release_unused_code(&self) -> usize {
        let application = self.0.clone();
        let release = move || {
            // With the lock held and without an earlier reload, no code is unmapped meanwhile.
            let reloaded = application.reloaded.lock().unwrap_or_else(PoisonError::into_inner);
            if *reloaded { 0 } else { resident::release_unused_code() }
        };
        tokio::task::spawn_blocking(release).await.unwrap_or(0)
    }

    /// Answers a request: with 404 if no route matches, 500 if the component fails, and 503 if no instance is free in time.
    pub async fn handle(&self, request: Request<Body>, client: SocketAddr) -> Response<Body> {
        self.0.handle(request, client).await
    }

    /// Returns the public routes, the most specific first.
    pub fn routes(&self) -> Vec<RouteInfo> {
        self.0
            .router
            .iter()
            .map(|route| RouteInfo {
                route: route.raw.clone(),
                component: match &route.target {
                    Target::Component(name, _) => Some(name.clone()),
                    Target::Static(_) => None,
                },
            })
            .collect()
    }

    /// Refuses new requests and waits for those in flight.
    pub async fn shutdown(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
        let all = u32::try_from(self.0.limits.max_concurrent_requests).unwrap_or(u32::MAX);
        // The semaphore is never closed, so this returns when all permits are back.
        let _all = self.0.requests.acquire_many(all).await;
    }

    pub fn stats(&self) -> Stats {
        let shared = &self.0.shared;
        let sqlite = &shared.sqlite_counters;
        Stats {
            live_instances: shared.live_instances.load(Ordering::Relaxed),
            instances_made: shared.instances_made.load(Ordering::Relaxed),
            requests_under_way: self
                .0
                .limits
                .max_concurrent_requests
                .saturating_sub(self.0.requests.available_permits()),
            open_database_connections: sqlite.open_connections.load(Ordering::Relaxed),
            statements: sqlite.statements.load(Ordering::Relaxed),
            statements_off_thread: sqlite.off_thread.load(Ordering::Relaxed),
        }
    }
}
