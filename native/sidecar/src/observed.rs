//! The backend as every part of the sidecar sees it: what components tell us beside their answers,
//! in internal headers, is taken out here. Nothing of it reaches a client.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use nexus_protocol::headers::NUDGE;

use crate::backend::{Backend, BackendError, Body};
use crate::edge::counts::Counts;
use crate::metrics::Metrics;
use crate::scheduler::Nudges;

pub struct Observed {
    inner: Arc<dyn Backend>,
    metrics: Metrics,
    nudges: Nudges,
}

impl Observed {
    pub fn new(inner: Arc<dyn Backend>, metrics: Metrics, nudges: Nudges) -> Self {
        Self { inner, metrics, nudges }
    }
}

impl Backend for Observed {
    fn call(
        &self,
        request: Request<Body>,
        client: SocketAddr,
    ) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
        let answer = self.inner.call(request, client);
        let metrics = self.metrics.clone();
        let nudges = self.nudges.clone();
        async move {
            let mut answer = answer.await?;
            if let Some(counts) = Counts::take(answer.headers_mut()) {
                metrics.observe_counts(&counts);
            }
            if let Some(jobs) = answer.headers_mut().remove(NUDGE) {
                nudges.send(jobs.to_str().unwrap_or_default());
            }
            Ok(answer)
        }
        .boxed()
    }
}
