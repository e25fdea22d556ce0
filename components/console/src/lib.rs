//! The files of the web console: what `web/` was built to, with the headers that browsers and caches need.

mod encoding;
mod page;
mod site;

pub use site::{Asked, Given, Site};

/// Where the host mounts the component's files.
#[cfg(target_arch = "wasm32")]
const FILES: &str = "/static";

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: spin_sdk::http::Request) -> impl spin_sdk::http::IntoResponse {
    let answer = Site::new(FILES).answer(&Asked::of(request.method(), request.uri(), request.headers()));
    answer.map(|bytes| http_body_util::Full::new(bytes::Bytes::from(bytes)))
}
