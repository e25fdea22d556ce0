//! Hrana 3 over HTTP, in its JSON form: what is asked of a libSQL server, and what it says.

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
use crate::client::Client;
use crate::outbound::Timeouts;

/// A server lets a statement wait five seconds for another's transaction before it breaks that off.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(20),
    between_bytes: Duration::from_secs(20),
};
/// JSON and base64 make of the largest result at most this.
const ANSWER_LIMIT: usize = 2 * MAX_RESULT_BYTES;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("no connection to the database server: {0}")]
    Unreachable(String),
    #[error("the connection is of no use: the database server answered {status}: {said}")]
    Refused { status: StatusCode, said: String },
    #[error("no connection to the database server: it doesn't speak Hrana 3: {0}")]
    Strange(String),
}

/// One server, and how it is asked.
pub struct Server {
    client: Client,
    url: Uri,
    authorization: Option<HeaderValue>,
}

/// A stream that the server keeps for us: a transaction is bound to one.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    baton: Option<String>,
    /// The server may want to be asked elsewhere for the rest of a stream.
    url: Option<Uri>,
}

/// What came of one statement.
pub struct Told {
    pub result: Result<StmtResult, Error>,
    /// Whether no transaction is open after it; `None` when it wasn't asked for.
    pub autocommit: Option<bool>,
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

    /// Runs one statement on a stream of its own, which is gone afterwards.
    pub async fn once(&self, sql: &str, args: Vec<Value>) -> Result<Told, Failure> {
        let requests = vec![execute(sql, args), StreamRequest::Close(CloseStreamReq {})];
        self.run(Stream::default(), requests).await
    }

    /// Runs one statement and keeps the stream.
    pub async fn on(&self, stream: Stream, sql: &str, args: Vec<Value>) -> Result<Told, Failure> {
        let requests = vec![
            execute(sql, args),
            StreamRequest::GetAutocommit(GetAutocommitStreamReq {}),
        ];
        self.run(stream, requests).await
    }

    /// Gives a stream back; the server rolls back what is open on it. Does so by itself when this doesn't reach it.
    pub async fn close(&self, stream: Stream) {
        if stream.baton.is_some() {
            let asked = self.ask(stream, vec![StreamRequest::Close(CloseStreamReq {})]).await;
            if let Err(error) = asked {
                tracing::debug!(%error, "a stream of the database server wasn't closed");
            }
        }
    }

    async fn run(&self, stream: Stream, requests: Vec<StreamRequest>) -> Result<Told, Failure> {
        let before = stream.url.clone();
        let answer = self.ask(stream, requests).await?;
        let mut results = answer.results.into_iter();
        let result = match results.next() {
            Some(StreamResult::Ok {
                response: StreamResponse::Execute(executed),
            }) => Ok(executed.result),
            Some(StreamResult::Error { error }) => Err(error),
            other => return Err(Failure::Strange(format!("{other:?}"))),
        };
        let autocommit = match results.next() {
            Some(StreamResult::Ok {
                response: StreamResponse::GetAutocommit(answer),
            }) => Some(answer.is_autocommit),
            _ => None,
        };
        let url = match &answer.base_url {
            Some(base) => Some(pipeline_of(base).ok_or_else(|| Failure::Strange(base.clone()))?),
            None => before,
        };
        Ok(Told {
            result,
            autocommit,
            stream: Stream {
                baton: answer.baton,
                url,
            },
        })
    }

    async fn ask(&self, stream: Stream, requests: Vec<StreamRequest>) -> Result<PipelineRespBody, Failure> {
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
            .send(request, TIMEOUTS)
            .await
            .map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_LIMIT)
            .collect()
            .await
            .map_err(|error| unreachable(&error))?
            .to_bytes();
        if status != StatusCode::OK {
            let said = String::from_utf8_lossy(&body).chars().take(300).collect();
            return Err(Failure::Refused { status, said });
        }
        serde_json::from_slice(&body).map_err(|error| Failure::Strange(error.to_string()))
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
