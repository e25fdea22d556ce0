//! The development mailbox.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::Client;

#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    pub id: String,
    pub to: String,
    pub subject: String,
    pub template: String,
    pub text: String,
    pub html: String,
}

#[derive(Deserialize)]
struct Mails {
    items: Vec<Mail>,
}

impl Client {
    /// All mails, newest first.
    pub async fn mailbox(&self) -> Vec<Mail> {
        let answer = self.get("/dev/mailbox").await.expect(200);
        serde_json::from_slice::<Mails>(&answer.body).expect("mails").items
    }

    /// The newest mail of this template to this address, as soon as it has been delivered.
    pub async fn await_mail(&self, to: &str, template: &str) -> Mail {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let found = self
                .mailbox()
                .await
                .into_iter()
                .find(|mail| mail.to.eq_ignore_ascii_case(to) && mail.template == template);
            if let Some(mail) = found {
                return mail;
            }
            assert!(Instant::now() < patience, "no {template} for {to} within 20 s");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Mail {
    /// What stands alone on a line of the text and looks like `wanted`: a one-time code, a password.
    pub fn line(&self, wanted: impl Fn(&str) -> bool) -> &str {
        self.text
            .lines()
            .map(str::trim)
            .find(|line| wanted(line))
            .unwrap_or_else(|| panic!("no such line in:\n{}", self.text))
    }
}
