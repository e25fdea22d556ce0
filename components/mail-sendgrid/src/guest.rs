//! The interface as the mailer calls it.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use spin_sdk::http::Response;
use spin_sdk::wasip3::http::types::RequestOptions;
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

use crate::answer::{self, Checked, Sent};
use crate::request;

// Generated code, for which our lints are not made.
#[allow(unsafe_code, clippy::all, clippy::unwrap_used, clippy::expect_used)]
mod bindings {
    use spin_sdk::wit_bindgen;

    wit_bindgen::generate!({
        runtime_path: "spin_sdk::wit_bindgen::rt",
        path: "../../wit/mail.wit",
        world: "carrier",
        generate_all,
    });
}
use bindings::exports::nexus::mail::transport::{Accepted, Failure, Guest, Mail, Mailbox, Problem, Provider, Trouble};

/// Together shorter than a lease (15 s): that an answer doesn't come must be known before another takes the row.
const CONNECTING_NANOS: u64 = 3_000_000_000;
const ANSWERING_NANOS: u64 = 9_000_000_000;
const PAUSING_NANOS: u64 = 1_000_000_000;
const ANSWER_LIMIT: usize = 64 * 1024;

struct SendGrid;

impl Guest for SendGrid {
    async fn send(provider: Provider, mail: Mail) -> Result<Accepted, Failure> {
        let trouble = |reason: String, retry_after_seconds| Trouble {
            reason,
            retry_after_seconds,
        };
        let built = request::send(&provider.into(), &mail.into());
        let request = built.map_err(|error| Failure::Unwell(trouble(error.to_string(), None)))?;
        let answer = match exchange(request).await {
            Ok(answer) => answer,
            Err(reason) => return Err(Failure::Unwell(trouble(reason, None))),
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        // A 2xx has said everything; waiting for its body could only outlast the lease.
        let body = match status.is_success() {
            true => Bytes::new(),
            false => read(answer).await,
        };
        match answer::of_send(status, &headers, &body, now()) {
            Sent::Accepted { message_id } => Ok(Accepted { message_id }),
            Sent::Refused(reason) => Err(Failure::Refused(reason)),
            Sent::Busy {
                reason,
                retry_after_seconds,
            } => Err(Failure::Busy(trouble(reason, retry_after_seconds))),
            Sent::Unwell {
                reason,
                retry_after_seconds,
            } => Err(Failure::Unwell(trouble(reason, retry_after_seconds))),
        }
    }

    async fn check(provider: Provider) -> Result<(), Problem> {
        let provider = provider.into();
        let scopes = ask(request::scopes(&provider)).await?;
        told(answer::of_scopes(scopes.0, &scopes.1))?;
        let profile = ask(request::profile(&provider)).await?;
        told(answer::of_profile(profile.0, &profile.1))
    }
}

fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn told(checked: Checked) -> Result<(), Problem> {
    match checked {
        Checked::Good => Ok(()),
        Checked::Rejected(reason) => Err(Problem::Rejected(reason)),
        Checked::Unreachable(reason) => Err(Problem::Unreachable(reason)),
    }
}

async fn ask(request: http::Result<Request<Bytes>>) -> Result<(StatusCode, Bytes), Problem> {
    let request = request.map_err(|error| Problem::Unreachable(error.to_string()))?;
    let answer = exchange(request).await.map_err(Problem::Unreachable)?;
    Ok((answer.status(), read(answer).await))
}

async fn exchange(mut request: Request<Bytes>) -> Result<Response, String> {
    let options = RequestOptions::new();
    // A host that can't hold to one of these has limits of its own.
    let _ = options.set_connect_timeout(Some(CONNECTING_NANOS));
    let _ = options.set_first_byte_timeout(Some(ANSWERING_NANOS));
    let _ = options.set_between_bytes_timeout(Some(PAUSING_NANOS));
    request.extensions_mut().insert(RequestOptionsExtension(options));
    spin_sdk::http::send(request.map(Full::new))
        .await
        .map_err(|error| error.to_string())
}

/// What the provider says beside its status; a matter of comfort, so nothing at all when it breaks off.
async fn read(answer: Response) -> Bytes {
    Limited::new(answer.into_body(), ANSWER_LIMIT)
        .collect()
        .await
        .map(|whole| whole.to_bytes())
        .unwrap_or_default()
}

impl From<Provider> for request::Provider {
    fn from(provider: Provider) -> Self {
        Self {
            base_url: provider.base_url,
            api_key: provider.api_key,
        }
    }
}

impl From<Mailbox> for request::Mailbox {
    fn from(mailbox: Mailbox) -> Self {
        Self {
            address: mailbox.address,
            name: mailbox.name,
        }
    }
}

impl From<Mail> for request::Mail {
    fn from(mail: Mail) -> Self {
        Self {
            id: mail.id,
            sender: mail.sender.into(),
            recipient: mail.recipient.into(),
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
            category: mail.category,
        }
    }
}

bindings::export!(SendGrid with_types_in bindings);
