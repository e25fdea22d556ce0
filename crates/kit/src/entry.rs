//! The entry of every component: one router per instance, made at its first request.

use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::future::{Either, select};
use nexus_store::Database;
use spin_sdk::http::Request;
use utoipa_axum::router::OpenApiRouter;

use crate::layers::Layered;
use crate::log::{self, Level};
use crate::{ApiError, App, Config, layers, openapi};

// One wasm module per component, so this is the component's own. Requests of an instance share it,
// and nothing in it belongs to one request.
static ROUTER: OnceLock<Layered> = OnceLock::new();

/// Small and short-lived is what a request allocates; this one finds a place in constant time.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// Answers a request with the component's router. Called by `#[http_service]`.
pub async fn serve(request: Request, routes: fn() -> OpenApiRouter<App>) -> Response {
    let router = match ROUTER.get() {
        Some(router) => router,
        None => match open(routes).await {
            Ok(router) => ROUTER.get_or_init(|| router),
            Err(problem) => return unready(&problem),
        },
    };
    router.answer(request.map(Body::new)).await
}

async fn open(routes: fn() -> OpenApiRouter<App>) -> Result<Layered, ApiError> {
    let config = Config::from_variables().await;
    let app = App::new(Database::open_default()?, config)?;
    Ok(layers::wrap(openapi::finish(routes()), app))
}

/// Nothing is open yet, so the layers can't render this one.
fn unready(problem: &ApiError) -> Response {
    let cause = problem.cause().unwrap_or("not ready");
    log::write(
        Level::Error,
        "start",
        "the component can't serve",
        serde_json::json!({ "cause": cause }),
    );
    let mut response = problem.clone().into_response();
    *response.body_mut() = problem.document("").into();
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/problem+json"),
    );
    response
}

/// Waits for so long and no longer: what the host calls (a Redis that hangs, say) may never answer.
pub async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    let nanos = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
    // The clock isn't asked for if the work is done at once.
    let clock = pin!(spin_sdk::wasip3::clocks::monotonic_clock::wait_for(nanos));
    match select(pin!(work), clock).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// Makes a future of the host's `Send`: a guest has one thread, and axum asks for `Send`.
pub fn on_this_thread<F: Future>(future: F) -> impl Future<Output = F::Output> + Send {
    send_wrapper::SendWrapper::new(future)
}
