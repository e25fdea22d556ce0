//! Requests as SendGrid's v3 API wants them.

use bytes::Bytes;
use http::{Method, Request, header};
use serde_json::{Value, json};

/// How to reach SendGrid.
#[derive(Debug, Clone)]
pub struct Provider {
    pub base_url: String,
    pub api_key: String,
}

#[derive(Debug, Clone)]
pub struct Mailbox {
    pub address: String,
    pub name: Option<String>,
}

/// A mail ready to be sent.
#[derive(Debug, Clone)]
pub struct Mail {
    pub id: String,
    pub sender: Mailbox,
    pub recipient: Mailbox,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub category: String,
}

impl Mailbox {
    fn json(&self) -> Value {
        match &self.name {
            Some(name) if !name.trim().is_empty() => json!({ "email": self.address, "name": name }),
            _ => json!({ "email": self.address }),
        }
    }
}

/// `POST /v3/mail/send`. The row's id goes along as a custom argument and comes back in every event. Tracking is
/// off: it would rewrite links that carry one-time tokens.
pub fn send(provider: &Provider, mail: &Mail) -> http::Result<Request<Bytes>> {
    let body = json!({
        "personalizations": [{ "to": [mail.recipient.json()], "custom_args": { "mail_id": mail.id } }],
        "from": mail.sender.json(),
        "subject": mail.subject,
        "content": [
            { "type": "text/plain", "value": mail.text },
            { "type": "text/html", "value": mail.html },
        ],
        "categories": [mail.category],
        "tracking_settings": {
            "click_tracking": { "enable": false, "enable_text": false },
            "open_tracking": { "enable": false },
        },
    });
    build(provider, Method::POST, "/v3/mail/send", body.to_string().into())
}

/// Which rights the key has.
pub fn scopes(provider: &Provider) -> http::Result<Request<Bytes>> {
    build(provider, Method::GET, "/v3/scopes", Bytes::new())
}

/// Whose the key is.
pub fn profile(provider: &Provider) -> http::Result<Request<Bytes>> {
    build(provider, Method::GET, "/v3/user/profile", Bytes::new())
}

fn build(provider: &Provider, method: Method, path: &str, body: Bytes) -> http::Result<Request<Bytes>> {
    let url = format!("{}{path}", provider.base_url.trim_end_matches('/'));
    let mut request = Request::builder()
        .method(&method)
        .uri(url)
        .header(header::AUTHORIZATION, format!("Bearer {}", provider.api_key))
        .header(header::ACCEPT, "application/json");
    if method == Method::POST {
        request = request
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, body.len());
    }
    request.body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Provider {
        Provider {
            base_url: "https://api.sendgrid.com/".into(),
            api_key: "SG.k".into(),
        }
    }

    fn mailbox(name: Option<&str>) -> Mailbox {
        Mailbox {
            address: "a@b.co".into(),
            name: name.map(str::to_owned),
        }
    }

    #[test]
    fn the_row_s_id_travels_along_and_nothing_is_tracked() {
        let mail = Mail {
            id: "0190".into(),
            sender: mailbox(Some("Nexus")),
            recipient: mailbox(Some("  ")),
            subject: "Hi".into(),
            text: "t".into(),
            html: "<p>t</p>".into(),
            category: "account-approved".into(),
        };
        let request = send(&provider(), &mail).unwrap();
        assert_eq!(request.uri(), "https://api.sendgrid.com/v3/mail/send");
        assert_eq!(request.headers()[header::AUTHORIZATION], "Bearer SG.k");
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["personalizations"][0]["custom_args"]["mail_id"], "0190");
        assert_eq!(
            body["personalizations"][0]["to"][0],
            json!({ "email": "a@b.co" }),
            "SendGrid refuses an empty name"
        );
        assert_eq!(body["tracking_settings"]["click_tracking"]["enable"], false);
        assert_eq!(
            body["content"][0]["type"], "text/plain",
            "text first, as SendGrid demands"
        );
    }

    #[test]
    fn a_base_url_that_is_none_is_an_error_and_not_a_panic() {
        let provider = Provider {
            base_url: "not a url".into(),
            api_key: "k".into(),
        };
        assert!(scopes(&provider).is_err());
    }
}
