//! Calls of a component to elsewhere: held to what it was granted, to the application itself, or out.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use http::header::HOST;
use http::uri::{Parts, Scheme};
use http::{HeaderName, Request, Response, Uri};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::Body;
use crate::allowed_hosts::{AllowedHosts, internal_target};
use crate::client::Client;
use crate::host::Inner;
use crate::state::Progress;

/// How long each step may take unless the component says otherwise, as on Spin.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
/// An authority for calls to the application itself, for libraries that can't do without one.
const OWN_HOST: &str = "self.alt";

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

/// The outbound side of one instance.
pub struct Outbound {
    allowed: Arc<AllowedHosts>,
    ways: Arc<Ways>,
    progress: Arc<Progress>,
}

/// Where calls can go.
pub struct Ways {
    pub client: Client,
    /// The application itself; known once it is loaded.
    pub own: OnceLock<Weak<Inner>>,
}

impl Outbound {
    pub fn new(allowed: Arc<AllowedHosts>, ways: Arc<Ways>, progress: Arc<Progress>) -> Self {
        Self {
            allowed,
            ways,
            progress,
        }
    }

    fn is_allowed(&self, uri: &Uri) -> bool {
        match uri.host() {
            None | Some("" | OWN_HOST) => self.allowed.allows_own(),
            Some(host) => {
                let scheme = uri.scheme_str().unwrap_or("https");
                self.allowed.allows(scheme, host, uri.port_u16())
            }
        }
    }
}

impl WasiHttpHooks for Outbound {
    /// As the default says, without its allocation for each header of each request.
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _guest_side: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        self.progress.touch();
        if !self.is_allowed(request.uri()) {
            tracing::debug!(uri = %request.uri(), "call to a place that wasn't granted");
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        let ways = self.ways.clone();
        let progress = self.progress.clone();
        Box::new(async move {
            let response = ways.send(request, options.unwrap_or_default()).await;
            progress.touch();
            // Errors behind the head of the answer come with its body.
            let rest: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(std::future::ready(Ok(())));
            Ok((response?, rest))
        })
    }
}

impl Ways {
    async fn send(&self, mut request: Request<WasiBody>, options: RequestOptions) -> Result<Response<WasiBody>, Error> {
        // The authority says it; a second opinion confuses some servers.
        request.headers_mut().remove(HOST);
        let host = request.uri().host().unwrap_or_default();
        if host.is_empty() || host == OWN_HOST {
            let request = to_own_origin(request)?;
            return self.inside(async |own| own.handle_own(request).await).await;
        }
        if let Some(component) = internal_target(host).map(ToOwned::to_owned) {
            let request = request.map(into_host_body);
            return self
                .inside(async |own| own.handle_chained(&component, request).await)
                .await;
        }
        let timeouts = Timeouts {
            connect: options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT),
            first_byte: options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT),
            between_bytes: options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT),
        };
        self.client.send(request, timeouts).await
    }

    async fn inside(&self, call: impl AsyncFnOnce(Arc<Inner>) -> Response<Body>) -> Result<Response<WasiBody>, Error> {
        let own = self
            .own
            .get()
            .and_then(Weak::upgrade)
            .ok_or(Error::DestinationUnavailable)?;
        Ok(call(own).await.map(into_wasi_body))
    }
}

#[derive(Clone, Copy)]
pub struct Timeouts {
    pub connect: Duration,
    pub first_byte: Duration,
    pub between_bytes: Duration,
}

fn to_own_origin(request: Request<WasiBody>) -> Result<Request<Body>, Error> {
    let (mut parts, body) = request.into_parts();
    let mut uri = Parts::default();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(http::uri::Authority::from_static(OWN_HOST));
    uri.path_and_query = Some(
        parts
            .uri
            .path_and_query()
            .cloned()
            .unwrap_or_else(|| http::uri::PathAndQuery::from_static("/")),
    );
    parts.uri = Uri::from_parts(uri).map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(Request::from_parts(parts, into_host_body(body)))
}

pub fn into_host_body(body: WasiBody) -> Body {
    body.map_err(Into::into).boxed_unsync()
}

/// The body of a request for a component, or of an answer to one.
pub fn into_wasi_body(body: Body) -> WasiBody {
    body.map_err(|error| match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => Error::InternalError(Some(error.to_string())),
    })
    .boxed_unsync()
}
