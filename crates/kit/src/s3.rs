//! Blobs in an S3-compatible service: signed URLs (AWS Signature Version 4), path-style addresses, which every
//! such service knows.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use nexus_domain::settings;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use crate::{ApiError, App, clock, outbound};

/// How long a signature is good; only our own request uses it.
const SIGNED_FOR: Duration = Duration::from_secs(60);
/// The largest blob that is read back: a document or an attachment.
const MAX: usize = 16 * 1024 * 1024;
const TRIES: usize = 3;

pub async fn put(app: &App, path: &str, content: Bytes) -> Result<(), ApiError> {
    let (bucket, credentials) = open(app)?;
    let url = || signed(bucket.put_object(Some(&credentials), path));
    let answer = exchange(Method::PUT, url, &content).await?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(refused(&answer))
    }
}

pub async fn get(app: &App, path: &str) -> Result<Option<Bytes>, ApiError> {
    let (bucket, credentials) = open(app)?;
    let url = || signed(bucket.get_object(Some(&credentials), path));
    let answer = exchange(Method::GET, url, &Bytes::new()).await?;
    match answer.status() {
        status if status.is_success() => Ok(Some(answer.into_body())),
        StatusCode::NOT_FOUND => Ok(None),
        _ => Err(refused(&answer)),
    }
}

pub async fn delete(app: &App, path: &str) -> Result<(), ApiError> {
    let (bucket, credentials) = open(app)?;
    let url = || signed(bucket.delete_object(Some(&credentials), path));
    let answer = exchange(Method::DELETE, url, &Bytes::new()).await?;
    match answer.status() {
        StatusCode::NOT_FOUND => Ok(()),
        status if status.is_success() => Ok(()),
        _ => Err(refused(&answer)),
    }
}

fn signed<'a>(action: impl S3Action<'a>) -> Result<String, ApiError> {
    let now = jiff::Timestamp::from_millisecond(clock::now().as_millis())
        .map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(action.sign_with_time(SIGNED_FOR, &now).to_string())
}

/// Every call here can be repeated without harm, so a lost answer or a 5xx is tried again.
async fn exchange(
    method: Method,
    url: impl Fn() -> Result<String, ApiError>,
    content: &Bytes,
) -> Result<http::Response<Bytes>, ApiError> {
    let mut last = None;
    for _ in 0..TRIES {
        let request = Request::builder()
            .method(&method)
            .uri(url()?)
            .header(http::header::CONTENT_LENGTH, content.len())
            .body(content.clone())
            .map_err(|error| ApiError::internal(error.to_string()))?;
        match outbound::send(request, MAX).await {
            Ok(answer) if answer.status().is_server_error() => last = Some(refused(&answer)),
            Ok(answer) => return Ok(answer),
            Err(error) => last = Some(ApiError::unavailable(format!("S3: {error}"))),
        }
    }
    Err(last.unwrap_or_else(|| ApiError::unavailable("S3 was not asked")))
}

/// The service's own words are for the log: they may name buckets and keys.
fn refused(answer: &http::Response<Bytes>) -> ApiError {
    let said: String = String::from_utf8_lossy(answer.body()).chars().take(300).collect();
    ApiError::unavailable(format!("S3 answered {}: {said}", answer.status()))
}

fn open(app: &App) -> Result<(Bucket, Credentials), ApiError> {
    let config = app.config();
    let missing = |name: &str| ApiError::unavailable(format!("BLOB_STORE=s3 needs {name}"));
    let endpoint = config.get(&settings::S3_ENDPOINT)?;
    let name = config.get(&settings::S3_BUCKET)?.ok_or_else(|| missing("S3_BUCKET"))?;
    let id = config
        .get(&settings::S3_ACCESS_KEY_ID)?
        .ok_or_else(|| missing("S3_ACCESS_KEY_ID"))?;
    let secret = config
        .get(&settings::S3_SECRET_ACCESS_KEY)?
        .ok_or_else(|| missing("S3_SECRET_ACCESS_KEY"))?;
    let endpoint = endpoint.parse().map_err(|_| missing("a valid S3_ENDPOINT"))?;
    let bucket = Bucket::new(endpoint, UrlStyle::Path, name, config.get(&settings::S3_REGION)?)
        .map_err(|error| ApiError::unavailable(format!("S3: {error}")))?;
    Ok((bucket, Credentials::new(id.reveal(), secret.reveal())))
}
