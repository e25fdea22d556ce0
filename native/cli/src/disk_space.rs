//! Free space of the data folder's file system, as readiness and `nexus doctor` judge it.
//!
//! A probe that writes can succeed on a full disk: SQLite reuses space within its files. So readiness also requires free space.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode, header};
use nexus_sidecar::backend::{Backend, BackendError, Body, full, read_whole};
use serde_json::{Value, json};

/// Bytes below which writes are expected to fail soon.
pub const MIN_FREE: u64 = 64 << 20;
const READINESS: &str = "/api/v1/health/ready";
/// Bytes. The readiness document has less than 1 KiB.
const MAX_DOCUMENT: usize = 64 << 10;

/// Returns the bytes that this process may still write to the file system of `folder`.
pub fn free(folder: &Path) -> rustix::io::Result<u64> {
    rustix::fs::statvfs(folder).map(|found| found.f_bavail.saturating_mul(found.f_frsize))
}

type FreeSpace = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// A backend that reports the product as unavailable while less than [`MIN_FREE`] bytes are free. Other requests pass.
pub struct SpaceCheckedBackend {
    backend: Arc<dyn Backend>,
    free: FreeSpace,
}

impl SpaceCheckedBackend {
    pub fn shared(backend: Arc<dyn Backend>, data: PathBuf) -> Arc<dyn Backend> {
        // A folder whose space cannot be determined is judged by the probe alone.
        let free = Arc::new(move || free(&data).ok());
        Arc::new(Self { backend, free })
    }
}

impl Backend for SpaceCheckedBackend {
    fn call(
        &self,
        request: Request<Body>,
        client: SocketAddr,
    ) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
        let is_readiness = request.uri().path() == READINESS;
        let answer = self.backend.call(request, client);
        match is_readiness.then(|| (self.free)()).flatten() {
            Some(free) if free < MIN_FREE => async move { Ok(unavailable(answer.await?, free).await) }.boxed(),
            _ => answer,
        }
    }
}

/// The components' readiness document, with failed checks of both stores.
async fn unavailable(answer: Response<Body>, free: u64) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    head.status = StatusCode::SERVICE_UNAVAILABLE;
    let document = read_whole(body, MAX_DOCUMENT).await.unwrap_or_default();
    let mut document: Value = serde_json::from_slice(&document).unwrap_or_default();
    document["status"] = json!("unavailable");
    for store in ["database", "keyValue"] {
        let check = &mut document["checks"][store];
        check["status"] = json!("failed");
        check["detail"] = json!(format!("the disk is full: {} MiB free", free >> 20));
        if check["latencyMs"].is_null() {
            check["latencyMs"] = json!(0);
        }
    }
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, full(document.to_string()))
}

#[cfg(test)]
mod tests {
    use nexus_sidecar::backend::empty;

    use super::*;

    struct Ready;

    impl Backend for Ready {
        fn call(&self, _: Request<Body>, _: SocketAddr) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
            let check = json!({ "status": "ok", "latencyMs": 3 });
            let checks = json!({ "database": check, "keyValue": check, "mail": check, "relay": check });
            let document = json!({ "status": "ok", "checks": checks });
            async move { Ok(Response::new(full(document.to_string()))) }.boxed()
        }
    }

    async fn answer(path: &str, free: Option<u64>) -> (StatusCode, Value) {
        let backend = SpaceCheckedBackend {
            backend: Arc::new(Ready),
            free: Arc::new(move || free),
        };
        let request = Request::get(path).body(empty()).unwrap();
        let answer = backend.call(request, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let status = answer.status();
        let body = read_whole(answer.into_body(), MAX_DOCUMENT).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn little_free_space_is_unavailable_though_the_probe_can_write() {
        let (status, document) = answer(READINESS, Some(MIN_FREE - 1)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(document["status"], "unavailable");
        for store in ["database", "keyValue"] {
            assert_eq!(document["checks"][store]["status"], "failed");
            assert_eq!(document["checks"][store]["latencyMs"], 3);
            assert_eq!(document["checks"][store]["detail"], "the disk is full: 63 MiB free");
        }
        assert_eq!(document["checks"]["mail"]["status"], "ok");
    }

    #[tokio::test]
    async fn with_enough_or_unknown_space_the_answer_is_the_components() {
        for free in [Some(MIN_FREE), None] {
            assert_eq!(answer(READINESS, free).await.0, StatusCode::OK);
        }
    }

    #[tokio::test]
    async fn other_routes_pass_whatever_is_free() {
        assert_eq!(answer("/api/v1/health", Some(0)).await.0, StatusCode::OK);
    }
}
