//! Where documents and attachments lie: one seam, content named by its hash. The key-value store by default,
//! an S3-compatible service with `BLOB_STORE=s3`.

use std::fmt;

use bytes::Bytes;
use nexus_domain::settings::{self, BlobStore};
use sha2::{Digest, Sha256};

use crate::{ApiError, App, s3};

/// The name of a content: its SHA-256 in hexadecimal. Putting the same content twice makes one blob.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobKey(String);

impl BlobKey {
    pub fn of(content: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(content)))
    }

    /// A key that was kept in the database.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn path(&self) -> String {
        format!("blobs/{}", self.0)
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Stores a content. It is durable when this returns, so do it before the row that refers to it is committed:
/// a blob that nothing refers to does no harm, a row without its blob does.
pub async fn put(app: &App, content: Bytes) -> Result<BlobKey, ApiError> {
    let key = BlobKey::of(&content);
    match app.config().get(&settings::BLOB_STORE)? {
        BlobStore::KeyValue => key_value::set(&key.path(), &content).await?,
        BlobStore::S3 => s3::put(app, &key.path(), content).await?,
    }
    Ok(key)
}

/// The content, or `None` when it was deleted. Content that is not what its key says is a fault of the store and is
/// not handed out.
pub async fn get(app: &App, key: &BlobKey) -> Result<Option<Bytes>, ApiError> {
    let content = match app.config().get(&settings::BLOB_STORE)? {
        BlobStore::KeyValue => key_value::get(&key.path()).await?,
        BlobStore::S3 => s3::get(app, &key.path()).await?,
    };
    match content {
        Some(content) if BlobKey::of(&content) != *key => Err(ApiError::internal(format!("the blob {key} is damaged"))),
        content => Ok(content),
    }
}

/// Deletes a content; deleting what isn't there is fine.
pub async fn delete(app: &App, key: &BlobKey) -> Result<(), ApiError> {
    match app.config().get(&settings::BLOB_STORE)? {
        BlobStore::KeyValue => key_value::delete(&key.path()).await,
        BlobStore::S3 => s3::delete(app, &key.path()).await,
    }
}

#[cfg(target_arch = "wasm32")]
mod key_value {
    use std::time::Duration;

    use bytes::Bytes;
    use spin_sdk::key_value::{Error, Store};

    use crate::ApiError;
    use crate::entry::{on_this_thread, within};

    /// For a document, also to a store on another machine.
    const TIMEOUT: Duration = Duration::from_secs(10);

    async fn patiently<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, ApiError> {
        match on_this_thread(within(TIMEOUT, work)).await {
            Some(done) => done.map_err(|error| ApiError::unavailable(format!("key-value store: {error}"))),
            None => Err(ApiError::unavailable("the key-value store does not answer")),
        }
    }

    pub async fn set(key: &str, content: &[u8]) -> Result<(), ApiError> {
        patiently(async { Store::open_default().await?.set(key, content).await }).await
    }

    pub async fn get(key: &str) -> Result<Option<Bytes>, ApiError> {
        let found = patiently(async { Store::open_default().await?.get(key).await }).await?;
        Ok(found.map(Bytes::from))
    }

    pub async fn delete(key: &str) -> Result<(), ApiError> {
        patiently(async { Store::open_default().await?.delete(key).await }).await
    }
}

/// Outside a component there is no key-value store; tests of routers keep their blobs in memory. Content is
/// named by its hash, so tests that share this don't see each other.
#[cfg(not(target_arch = "wasm32"))]
mod key_value {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};

    use bytes::Bytes;

    use crate::ApiError;

    static STORE: LazyLock<Mutex<HashMap<String, Bytes>>> = LazyLock::new(Mutex::default);

    fn with<T>(work: impl FnOnce(&mut HashMap<String, Bytes>) -> T) -> T {
        work(&mut STORE.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[allow(clippy::unused_async)]
    pub async fn set(key: &str, content: &Bytes) -> Result<(), ApiError> {
        with(|blobs| blobs.insert(key.to_owned(), content.clone()));
        Ok(())
    }

    #[allow(clippy::unused_async)]
    pub async fn get(key: &str) -> Result<Option<Bytes>, ApiError> {
        Ok(with(|blobs| blobs.get(key).cloned()))
    }

    #[allow(clippy::unused_async)]
    pub async fn delete(key: &str) -> Result<(), ApiError> {
        with(|blobs| blobs.remove(key));
        Ok(())
    }
}
