//! A client of one connection, by HTTP/1.1 or HTTP/2, for tests of how bodies travel.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::Answer;

pub type WireBody = UnsyncBoxBody<Bytes, Infallible>;

pub struct Wire {
    sender: Sender,
    authority: String,
    token: String,
}

enum Sender {
    Http1(http1::SendRequest<WireBody>),
    Http2(http2::SendRequest<WireBody>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

impl Wire {
    /// A connection of whoever has this access token.
    pub async fn connect(url: &str, protocol: Protocol, token: &str) -> Self {
        let authority = url.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&authority).await.expect("a connection");
        let io = TokioIo::new(stream);
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await.expect("HTTP/1.1");
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        };
        Self {
            sender,
            authority,
            token: token.to_owned(),
        }
    }

    /// The answer's head; its body is read by the caller. `path` is relative to `/api/v1`.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: WireBody,
    ) -> Response<Incoming> {
        let mut request = Request::builder().method(method);
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match &mut self.sender {
            Sender::Http1(sender) => {
                let request = request.header("host", &self.authority).uri(format!("/api/v1{path}"));
                sender.ready().await.expect("the connection stands");
                sender.send_request(request.body(body).expect("a request")).await
            }
            Sender::Http2(sender) => {
                let request = request.uri(format!("http://{}/api/v1{path}", self.authority));
                sender.send_request(request.body(body).expect("a request")).await
            }
        };
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The answer, read whole.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let asked = format!("{method} {path}");
        let answer = self
            .send(method, path, headers, Full::new(body.into()).boxed_unsync())
            .await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("{asked}: {error}"));
        Answer::read(head.status.as_u16(), head.headers, body.to_bytes(), asked)
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }
}
