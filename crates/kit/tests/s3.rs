//! Blobs in a real S3-compatible server, which checks our signatures.

#![allow(clippy::unwrap_used)]

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use nexus_kit::blob::{self, BlobKey};
use nexus_kit::{App, Config};
use nexus_store::Database;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;

const BUCKET: &str = "nexus-documents";
const SECRET: &str = "a secret of at least thirty-two bytes, for tests";

/// The server, on a free port, with a bucket.
async fn serve() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
    let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
    builder.set_auth(SimpleAuth::from_single("AKID", "the-key"));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (folder, url)
}

fn app(endpoint: &str, key: &str) -> App {
    let config = Config::from_pairs([
        ("jwt_access_secret", SECRET),
        ("internal_secret", SECRET),
        ("blob_store", "s3"),
        ("s3_endpoint", endpoint),
        ("s3_bucket", BUCKET),
        ("s3_access_key_id", "AKID"),
        ("s3_secret_access_key", key),
    ]);
    App::new(Database::in_memory().unwrap(), config).unwrap()
}

#[tokio::test]
async fn a_blob_is_put_read_and_deleted_under_the_hash_of_its_content() {
    let (folder, url) = serve().await;
    let app = app(&url, "the-key");
    let content = vec![7u8; 3 * 1024 * 1024];
    let key = blob::put(&app, content.clone().into()).await.unwrap();
    assert_eq!(key, BlobKey::of(&content));
    assert!(folder.path().join(BUCKET).join("blobs").join(key.as_str()).is_file());
    assert_eq!(blob::get(&app, &key).await.unwrap().unwrap(), content);
    blob::delete(&app, &key).await.unwrap();
    assert_eq!(blob::get(&app, &key).await.unwrap(), None);
    blob::delete(&app, &key).await.unwrap();
}

#[tokio::test]
async fn a_wrong_key_is_refused_by_the_server_and_told_without_its_words() {
    let (_folder, url) = serve().await;
    let problem = blob::put(&app(&url, "another-key"), b"x".to_vec().into())
        .await
        .unwrap_err();
    assert_eq!(problem.code(), nexus_kit::Code::Unavailable);
    assert!(!String::from_utf8(problem.document("r")).unwrap().contains("Signature"));
}

#[tokio::test]
async fn a_blob_that_somebody_changed_is_not_handed_out() {
    let (folder, url) = serve().await;
    let app = app(&url, "the-key");
    let key = blob::put(&app, b"content".to_vec().into()).await.unwrap();
    std::fs::write(folder.path().join(BUCKET).join("blobs").join(key.as_str()), b"changed").unwrap();
    assert_eq!(
        blob::get(&app, &key).await.unwrap_err().code(),
        nexus_kit::Code::Internal
    );
}

#[tokio::test]
async fn a_server_that_is_away_makes_us_unavailable() {
    let problem = blob::get(&app("http://127.0.0.1:1", "the-key"), &BlobKey::of(b"x"))
        .await
        .unwrap_err();
    assert_eq!(problem.code(), nexus_kit::Code::Unavailable);
}
