//! The hooks of `wasi:http` through which an instance calls out.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Request, Response, Uri};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::config::{AllowedHosts, OWN_HOST};
use super::{Egress, Timeouts};
use crate::instance::progress::Progress;

/// The duration of each step unless the component sets another, as on Spin.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

/// The outbound side of one instance. Checks each call against the component's grants.
pub struct Outbound {
    allowed: Arc<AllowedHosts>,
    egress: Arc<dyn Egress>,
    progress: Arc<Progress>,
}

impl Outbound {
    pub fn new(allowed: Arc<AllowedHosts>, egress: Arc<dyn Egress>, progress: Arc<Progress>) -> Self {
        Self {
            allowed,
            egress,
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
    /// Same as the default, without its allocation for each header of each request.
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
            tracing::debug!(uri = %request.uri(), "outbound call denied: the host is not granted");
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        let egress = self.egress.clone();
        let progress = self.progress.clone();
        Box::new(async move {
            let response = egress.send(request, timeouts(options)).await;
            progress.touch();
            // The body reports errors that follow the head.
            let rest: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(std::future::ready(Ok(())));
            Ok((response?, rest))
        })
    }
}

fn timeouts(options: Option<RequestOptions>) -> Timeouts {
    let options = options.unwrap_or_default();
    Timeouts {
        connect: options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT),
        first_byte: options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT),
        between_bytes: options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT),
    }
}
