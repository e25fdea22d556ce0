//! A SendGrid in a process of its own, for measurements.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What came so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeanCounts {
    pub mails: u64,
    pub different: u64,
    pub connections: u64,
}

pub struct LeanSendGrid {
    process: Child,
    url: String,
}

impl LeanSendGrid {
    /// `program`: the path of `lean_sendgrid`, which cargo builds along with the tests.
    pub fn start(program: &str) -> Self {
        let mut process = Command::new(program).stdout(Stdio::piped()).spawn().expect("it runs");
        let mut url = String::new();
        BufReader::new(process.stdout.take().expect("piped"))
            .read_line(&mut url)
            .expect("its address");
        Self {
            process,
            url: url.trim().to_owned(),
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub async fn counts(&self) -> LeanCounts {
        let answer = reqwest::get(format!("{}/counts", self.url)).await.expect("it answers");
        let counts: Value = answer.json().await.expect("JSON");
        let number = |name: &str| counts[name].as_u64().expect("a number");
        LeanCounts {
            mails: number("mails"),
            different: number("different"),
            connections: number("connections"),
        }
    }
}

impl Drop for LeanSendGrid {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
