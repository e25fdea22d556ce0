//! Documents in an S3-compatible server, through the whole product.

use std::path::PathBuf;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use nexus_protocol::signature::sign_request;
use nexus_tests::{Answer, TestApp};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::admin::{applicant, owner};

const BUCKET: &str = "nexus-documents";
const INTERNAL_SECRET: &str = "Cq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yu";

/// It checks signatures, and keeps objects as files. Stops when dropped.
struct S3 {
    folder: TempDir,
    url: String,
    listening: tokio::task::JoinHandle<()>,
}

impl S3 {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).expect("a file system"));
        builder.set_auth(SimpleAuth::from_single("AKID", "the-key"));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    // The other side may break off as it likes.
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { folder, url, listening }
    }

    fn blobs(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join(BUCKET).join("blobs");
        std::fs::read_dir(folder).map_or_else(
            |_| Vec::new(),
            |entries| entries.map(|entry| entry.expect("readable").path()).collect(),
        )
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn tidy(app: &TestApp) -> Answer {
    let path = "/internal/verification/tidy";
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let seconds = i64::try_from(now.as_secs()).expect("not that late");
    let signature = sign_request(INTERNAL_SECRET.as_bytes(), seconds, "POST", path, b"{}");
    let request = app
        .client()
        .at_root(reqwest::Method::POST, path)
        .header("x-nexus-signature", signature)
        .body("{}");
    Answer::of(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_lie_in_the_bucket_until_their_rejection_is_long_enough_ago() {
    let s3 = S3::start().await;
    let app = TestApp::builder()
        .env("BLOB_STORE", "s3")
        .env("S3_ENDPOINT", &s3.url)
        .env("S3_BUCKET", BUCKET)
        .env("S3_ACCESS_KEY_ID", "AKID")
        .env("S3_SECRET_ACCESS_KEY", "the-key")
        .env("REJECTED_DOCUMENTS_KEEP", "1s")
        .env("INTERNAL_SECRET", INTERNAL_SECRET)
        .start()
        .await;
    let owner = owner(&app).await;
    let user = applicant(&app, "ana@example.org", None).await;
    let path = format!("/admin/verifications/{user}");
    let case = owner.get(&path).await.expect(200).json();
    let document = case["documents"][0]["id"].as_str().expect("an id").to_owned();
    let [blob] = &s3.blobs()[..] else {
        panic!("one object: {:?}", s3.blobs())
    };
    let content_path = format!("/admin/documents/{document}/content");
    let content = owner.get(&content_path).await.expect(200);
    assert_eq!(content.body, std::fs::read(blob).expect("readable"));

    owner.post(&format!("{path}/reject"), &json!({})).await.expect(200);
    let database = nexus_store::Database::open_file(&app.database_file()).expect("the database");
    database
        .execute("UPDATE documents SET verified_at = verified_at - 2000", &[])
        .expect("as if time had passed");
    let tidied = tidy(&app).await.expect(200).json();
    assert_eq!((&tidied["retired"], &tidied["deleted"]), (&json!(1), &json!(1)));
    assert_eq!(s3.blobs(), Vec::<PathBuf>::new());
    owner.get(&content_path).await.expect_problem(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_bucket_is_away_nobody_is_registered_by_half() {
    let app = TestApp::builder()
        .env("BLOB_STORE", "s3")
        .env("S3_ENDPOINT", "http://127.0.0.1:9")
        .env("S3_BUCKET", BUCKET)
        .env("S3_ACCESS_KEY_ID", "AKID")
        .env("S3_SECRET_ACCESS_KEY", "the-key")
        .start()
        .await;
    let owner = owner(&app).await;
    let body = json!({ "email": "ana@example.org", "password": "Quiet-River-42", "name": "Ana",
        "documents": [crate::admin::pdf("x")] });
    let answer = app.client().post("/auth/register", &body).await;
    answer.expect_problem(503, "UNAVAILABLE");
    let found = owner.get("/admin/users?q=ana&withTotal=true").await.expect(200).json();
    assert_eq!(found["total"], 0);
}
