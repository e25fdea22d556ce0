//! A small HTTP client for the contract: JSON in, JSON out, a bearer token if there is one.

use std::fmt::Debug;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// Paths are relative to `/api/v1`, but for those that [`Client::at_root`] asks for.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

impl Client {
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            base: base.trim_end_matches('/').to_owned(),
            token: None,
            http,
        }
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().expect("a client that has signed in")
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.at_root(method, &format!("/api/v1{path}"))
    }

    pub fn at_root(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// Without a body.
    pub async fn post_empty(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::POST, path)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    asked: String,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        Self::try_of(request).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// An error, where no whole answer comes.
    pub async fn try_of(request: RequestBuilder) -> Result<Self, String> {
        let (client, request) = request.build_split();
        let request = request.expect("a request");
        let asked = format!("{} {}", request.method(), request.url());
        let broken = |error| format!("{asked}: {error:?}");
        let answer = client.execute(request).await.map_err(broken)?;
        Ok(Self {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.bytes().await.map_err(broken)?,
            asked,
        })
    }

    pub(crate) fn read(status: u16, headers: HeaderMap, body: Bytes, asked: String) -> Self {
        Self {
            status,
            headers,
            body,
            asked,
        }
    }

    /// Goes on only with this status; else shows the whole answer.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text());
        self
    }

    /// Goes on only with this status and problem code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{}",
            answer.asked
        );
        assert_eq!(answer.json()["code"], code, "{}: {}", answer.asked, answer.text());
        answer
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }
}
