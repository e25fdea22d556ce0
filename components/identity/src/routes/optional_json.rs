//! A JSON body that may be left out altogether, content type included.

use axum::extract::{FromRequest, Request};
use deserr::Deserr;
use http::header::CONTENT_TYPE;
use nexus_kit::extract::{JSON_LIMIT, parse_json, read_body};
use nexus_kit::{Code, FieldErrors, Json, Problem};

pub struct OptionalJson<T>(pub T);

impl<S, T> FromRequest<S> for OptionalJson<T>
where
    S: Send + Sync,
    T: Deserr<FieldErrors>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.headers().contains_key(CONTENT_TYPE) {
            return Json::<T>::from_request(request, state)
                .await
                .map(|Json(body)| Self(body));
        }
        let body = read_body(request, JSON_LIMIT).await?;
        if body.is_empty() {
            parse_json(b"{}").map(Self)
        } else {
            Err(Problem::new(
                Code::UnsupportedMediaType,
                "The body must be `application/json`.",
            ))
        }
    }
}
