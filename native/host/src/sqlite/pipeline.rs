//! Requests to a libSQL server: Hrana 3 over HTTP, in JSON.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use libsql_hrana::proto::{
    CloseStreamReq, Error, ExecuteStreamReq, GetAutocommitStreamReq, PipelineReqBody, PipelineRespBody, Stmt,
    StmtResult, StreamRequest, StreamResponse, StreamResult, Value,
};
use wasmtime_wasi_http::WasiBody;

use super::values::MAX_RESULT_BYTES;
use crate::outbound::Timeouts;
use crate::outbound::client::Client;

/// A server lets a statement wait five seconds for another transaction before it aborts that.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(20),
    between_bytes: Duration::from_secs(20),
};
/// Bytes of the largest result in JSON and base64.
const ANSWER_LIMIT: usize = 2 * MAX_RESULT_BYTES;

/// No request waits for the closing of a stream.
const CLOSE_TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    first_byte: Duration::from_secs(5),
    between_bytes: Duration::from_secs(5),
};

/// Why there is no result. The texts are those of the crate `libsql`, which Spin uses: guests distinguish errors by them.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("Hrana: `http error: `no connection to the database server: {0}``")]
    Unreachable(String),
    #[error("Hrana: `api error: `status={status}, body={body}``")]
    Refused { status: StatusCode, body: String },
    #[error("Hrana: `unexpected response: `{0}``")]
    Strange(String),
    /// The server refuses the statement.
    #[error("Hrana: `stream error: `{}``", describe(.0))]
    Statement(Error),
    /// The transaction is lost, and the guest does not know yet.
    #[error("Hrana: `stream closed: `the connection to the database server was lost in this transaction``")]
    Lost,
    #[error("Hrana: `stream error: `Error {{ message: \"database is locked\", code: \"SQLITE_BUSY\" }}``")]
    Busy,
}

fn describe(error: &Error) -> String {
    format!("Error {{ message: {:?}, code: {:?} }}", error.message, error.code)
}

/// One server: its address, its token and the client.
pub struct Server {
    client: Client,
    url: Uri,
    authorization: Option<HeaderValue>,
}

/// A stream that the server keeps. A transaction is bound to one.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    baton: Option<String>,
    /// The server may name another address for the rest of a stream.
    url: Option<Uri>,
}

impl Stream {
    /// Whether the server keeps this stream.
    pub fn is_kept(&self) -> bool {
        self.baton.is_some()
    }
}

/// The server's answer to one statement.
pub struct Reply {
    pub result: Result<StmtResult, Error>,
    /// Whether a transaction is open after it.
    pub is_open: bool,
    pub stream: Stream,
}

impl Server {
    pub fn new(base: &str, token: &str) -> Option<Self> {
        let authorization = match token {
            "" => None,
            token => {
                let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Some(Self {
            client: Client::new(),
            url: pipeline_of(base)?,
            authorization,
        })
    }

    /// Runs one statement on a stream. With `close`, the same request closes the stream.
    pub async fn run(&self, stream: Stream, sql: &str, args: Vec<Value>, close: bool) -> Result<Reply, Failure> {
        let mut requests = vec![
            execute(sql, args),
            StreamRequest::GetAutocommit(GetAutocommitStreamReq {}),
        ];
        if close {
            requests.push(StreamRequest::Close(CloseStreamReq {}));
        }
        let before = stream.url.clone();
        let answer = self.send(stream, requests, TIMEOUTS).await?;
        let mut results = answer.results.into_iter();
        let result = match results.next() {
            Some(StreamResult::Ok {
                response: StreamResponse::Execute(executed),
            }) => Ok(executed.result),
            Some(StreamResult::Error { error }) => Err(error),
            other => return Err(Failure::Strange(format!("{other:?}"))),
        };
        let is_open = match results.next() {
            Some(StreamResult::Ok {
                response: StreamResponse::GetAutocommit(answer),
            }) => !answer.is_autocommit,
            _ => false,
        };
        let url = match &answer.base_url {
            Some(base) => Some(pipeline_of(base).ok_or_else(|| Failure::Strange(base.clone()))?),
            None => before,
        };
        Ok(Reply {
            result,
            is_open,
            stream: Stream {
                baton: answer.baton,
                url,
            },
        })
    }

    /// Closes a stream. The server rolls back its open transaction.
    pub async fn close(&self, stream: Stream) -> Result<(), Failure> {
        let requests = vec![StreamRequest::Close(CloseStreamReq {})];
        self.send(stream, requests, CLOSE_TIMEOUTS).await.map(drop)
    }

    async fn send(
        &self,
        stream: Stream,
        requests: Vec<StreamRequest>,
        timeouts: Timeouts,
    ) -> Result<PipelineRespBody, Failure> {
        let body = PipelineReqBody {
            baton: stream.baton,
            requests,
        };
        let body = serde_json::to_vec(&body).map_err(|error| Failure::Strange(error.to_string()))?;
        let mut request = Request::new(whole(body.into()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = stream.url.unwrap_or_else(|| self.url.clone());
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        let unreachable = |error: &dyn std::fmt::Display| Failure::Unreachable(error.to_string());
        let answer = self
            .client
            .send(request, timeouts)
            .await
            .map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let content = Limited::new(answer.into_body(), ANSWER_LIMIT)
            .collect()
            .await
            .map_err(|error| unreachable(&error))?
            .to_bytes();
        if status != StatusCode::OK {
            let body = String::from_utf8_lossy(&content).chars().take(300).collect();
            return Err(Failure::Refused { status, body });
        }
        serde_json::from_slice(&content).map_err(|error| Failure::Strange(error.to_string()))
    }
}

fn execute(sql: &str, args: Vec<Value>) -> StreamRequest {
    let mut stmt = Stmt::new(sql, true);
    stmt.args = args;
    StreamRequest::Execute(ExecuteStreamReq { stmt })
}

fn pipeline_of(base: &str) -> Option<Uri> {
    format!("{}/v3/pipeline", base.trim_end_matches('/')).parse().ok()
}

fn whole(body: Bytes) -> WasiBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}
