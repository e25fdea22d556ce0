//! Unmodified clients of others: `socket.io-client` in Node and `python-socketio`, driven over their standard streams
//! (`tests/relay/js/drive.cjs`, `tests/relay/python/drive.py`).

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::backlog::Backlog;
use crate::repository;

const TIMEOUT: Duration = Duration::from_secs(20);

/// One client. Ends with its process when dropped.
pub struct SocketIo {
    _process: Child,
    orders: ChildStdin,
    events: Lines<BufReader<ChildStdout>>,
    passed_over: Backlog,
}

impl SocketIo {
    /// `socket.io-client`. `options` are those of `io(url, options)`, such as `{"transports": ["polling"]}`; the token is
    /// added.
    pub async fn connect(url: &str, token: &str, options: Value) -> Self {
        let folder = repository().join("tests/relay/js");
        assert!(
            folder.join("node_modules/socket.io-client").is_dir(),
            "socket.io-client is not installed: run `npm ci` in tests/relay/js, or everything with `cargo xtask test`"
        );
        let mut program = Command::new("node");
        program.arg("drive.cjs").current_dir(folder);
        Self::drive(program, url, token, options).await
    }

    /// `python-socketio`. `options` are those of `AsyncClient.connect(url, …)`.
    pub async fn python(url: &str, token: &str, options: Value) -> Self {
        let folder = repository().join("tests/relay/python");
        let python = folder.join(".venv/bin/python");
        assert!(
            python.is_file(),
            "python-socketio is not installed: run `cargo xtask test`, which makes tests/relay/python/.venv"
        );
        let mut program = Command::new(python);
        program.arg("drive.py").current_dir(folder);
        Self::drive(program, url, token, options).await
    }

    /// The client of `clients/typescript`.
    pub async fn ours(url: &str, token: &str) -> Self {
        let folder = repository().join("tests/relay/js");
        assert!(
            repository().join("clients/typescript/dist/index.js").is_file(),
            "the TypeScript client is not built: run `cargo xtask test`, or `npm ci && npm run build` in clients/typescript"
        );
        let mut program = Command::new("node");
        program.arg("drive-realtime.mjs").current_dir(folder);
        Self::drive(program, url, token, json!({})).await
    }

    /// Cuts [`SocketIo::ours`] off; it comes back by itself.
    pub async fn drop_connection(&mut self) {
        self.order(json!({ "drop": true })).await;
    }

    async fn drive(mut program: Command, url: &str, token: &str, options: Value) -> Self {
        let mut process = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it runs");
        let orders = process.stdin.take().expect("piped");
        let events = BufReader::new(process.stdout.take().expect("piped")).lines();
        let mut client = Self {
            _process: process,
            orders,
            events,
            passed_over: Backlog::default(),
        };
        let mut options = options;
        options["auth"]["token"] = token.into();
        client.order(json!({ "connect": url, "options": options })).await;
        client
    }

    pub async fn send(&mut self, event: &str, data: Value) {
        self.order(json!({ "emit": event, "data": data })).await;
    }

    /// As `send`, with an acknowledgement callback; what it gets is the event `ack`.
    pub async fn send_with_ack(&mut self, event: &str, data: Value) {
        self.order(json!({ "emit": event, "data": data, "ack": true })).await;
    }

    async fn order(&mut self, order: Value) {
        let line = format!("{order}\n");
        self.orders.write_all(line.as_bytes()).await.expect("it listens");
    }

    /// How many events of this name come until then, with those that were passed over before. Others are dropped.
    pub async fn count_until(&mut self, event: &str, end: tokio::time::Instant) -> usize {
        let mut count = 0;
        while self.passed_over.take(event).is_some() {
            count += 1;
        }
        while let Ok(line) = tokio::time::timeout_at(end, self.events.next_line()).await {
            let line = line.expect("a line").expect("it runs on");
            let told: Value = serde_json::from_str(&line).expect("JSON");
            count += usize::from(told["event"] == event);
        }
        count
    }

    /// The data of the next event of this name; others are kept for when they are asked for. `connect`, `disconnect` and
    /// `connect_error` are events too.
    pub async fn next(&mut self, event: &str) -> Value {
        if let Some(data) = self.passed_over.take(event) {
            return data;
        }
        let wait = async {
            loop {
                let line = self.events.next_line().await.expect("a line").expect("it runs on");
                let mut told: Value = serde_json::from_str(&line).expect("JSON");
                if told["event"] == event {
                    return told["data"].take();
                }
                self.passed_over.keep(told);
            }
        };
        tokio::time::timeout(TIMEOUT, wait)
            .await
            .unwrap_or_else(|_| panic!("no {event} within {TIMEOUT:?}"))
    }
}
