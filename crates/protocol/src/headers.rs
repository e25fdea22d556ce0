//! Internal headers between edge and components. The edge removes all of them from what comes from or goes to clients.

use http::HeaderName;

/// On requests that the edge passes on: the client's address and the request id, signed
/// ([`crate::signature::client_header`]).
pub const CLIENT: HeaderName = HeaderName::from_static("x-nexus-client");
/// On requests that edge and components make for themselves: the signature of the whole request
/// ([`crate::signature::sign_request`]).
pub const SIGNATURE: HeaderName = HeaderName::from_static("x-nexus-signature");
/// On answers: what the component counted for the metrics.
pub const COUNTS: HeaderName = HeaderName::from_static("x-nexus-counts");
/// On answers: the jobs that the scheduler should run now, such as `mail`; several are separated by commas.
pub const NUDGE: HeaderName = HeaderName::from_static("x-nexus-nudge");
