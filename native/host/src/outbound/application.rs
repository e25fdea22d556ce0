//! The egress of a loaded application: its own routes, its other components, and the network.

use std::sync::{Arc, OnceLock, Weak};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::HOST;
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use wasmtime_wasi_http::{Error, WasiBody};

use super::client::Client;
use super::config::{OWN_HOST, internal_target};
use super::{Egress, Timeouts};
use crate::application::Application;
use crate::body::{Body, into_host_body, into_wasi_body};

/// Sends calls to the application itself, to its components, or to the network.
pub struct ApplicationEgress {
    client: Client,
    application: OnceLock<Weak<Application>>,
}

impl ApplicationEgress {
    pub fn new() -> Self {
        Self {
            client: Client::new(),
            application: OnceLock::new(),
        }
    }

    /// Connects the egress to its application once that is loaded. Later calls have no effect.
    pub fn connect(&self, application: &Arc<Application>) {
        let _ = self.application.set(Arc::downgrade(application));
    }

    fn application(&self) -> Result<Arc<Application>, Error> {
        let application = self.application.get().and_then(Weak::upgrade);
        application.ok_or(Error::DestinationUnavailable)
    }

    async fn dispatch(&self, mut request: Request<WasiBody>, timeouts: Timeouts) -> Result<Response<WasiBody>, Error> {
        // The authority names the host. A `Host` header beside it confuses some servers.
        request.headers_mut().remove(HOST);
        let host = request.uri().host().unwrap_or_default();
        if host.is_empty() || host == OWN_HOST {
            let request = to_own_origin(request)?;
            let response = self.application()?.handle_own(request).await;
            return Ok(response.map(into_wasi_body));
        }
        if let Some(component) = internal_target(host).map(ToOwned::to_owned) {
            let request = request.map(into_host_body);
            let response = self.application()?.handle_chained(&component, request).await;
            return Ok(response.map(into_wasi_body));
        }
        self.client.send(request, timeouts).await
    }
}

impl Egress for ApplicationEgress {
    fn send(&self, request: Request<WasiBody>, timeouts: Timeouts) -> BoxFuture<'_, Result<Response<WasiBody>, Error>> {
        self.dispatch(request, timeouts).boxed()
    }
}

fn to_own_origin(request: Request<WasiBody>) -> Result<Request<Body>, Error> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned();
    let mut uri = Parts::default();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(Authority::from_static(OWN_HOST));
    uri.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    parts.uri = Uri::from_parts(uri).map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(Request::from_parts(parts, into_host_body(body)))
}
