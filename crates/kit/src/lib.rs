//! HTTP as every component speaks it.
//!
//! A component is a router of handlers that read *extract → authorize → one store call → respond*; all that
//! they share is here: problem documents, extractors that name every wrong field, the session check,
//! and the layers around the router (request id, security headers, the log line, the counts).

mod accept;
pub mod api_error;
pub mod app;
pub mod audit;
pub mod blob;
pub mod clock;
pub mod code;
pub mod config;
pub mod csv_pages;
mod edge_fallback;
#[cfg(target_arch = "wasm32")]
pub mod entry;
pub mod extract;
pub mod fields;
pub mod form;
pub mod idempotency;
pub mod internal;
pub mod layers;
mod list_parameters;
pub mod listing;
pub mod log;
pub mod openapi;
pub mod outbound;
pub mod page;
pub mod patch;
pub mod relay;
pub mod respond;
pub mod s3;
pub mod scan;
mod schema;
pub mod session;
pub mod upload;
pub mod version;
pub mod writes;

pub use api_error::{ApiError, FieldError};
pub use app::App;
pub use code::Code;
pub use config::Config;
pub use extract::{Json, Path, Query};
pub use fields::FieldErrors;
pub use layers::Caller;
pub use nexus_domain::csv;
pub use session::Session;
pub use writes::{write, write_permit};

#[cfg(target_arch = "wasm32")]
pub use entry::on_this_thread;

/// In a guest it makes a future of the host's `Send`; outside of one, futures are what they are.
#[cfg(not(target_arch = "wasm32"))]
pub fn on_this_thread<F: Future + Send>(future: F) -> F {
    future
}

/// What a handler answers: something good, or a problem.
pub type ApiResult<T = axum::response::Response> = Result<T, ApiError>;
