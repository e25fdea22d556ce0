//! One line per request.

use std::time::Duration;

use http::{Method, StatusCode, Uri};

use super::client::Caller;
use super::query::loggable;

/// What a log line needs of a request that has been given away by the time of its answer.
pub struct Noted {
    pub method: Method,
    pub uri: Uri,
}

pub fn line(noted: &Noted, caller: &Caller, status: StatusCode, took: Duration) {
    let path = noted.uri.path();
    let query = noted.uri.query().map(loggable);
    tracing::info!(
        target: "access",
        requestId = %caller.request_id,
        method = %noted.method,
        path,
        query,
        status = status.as_u16(),
        ms = (took.as_secs_f64() * 1e5).round() / 1e2,
        client = %caller.address,
        "request"
    );
}
