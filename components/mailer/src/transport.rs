//! The way out: what the mailer needs of a transport, and the one that is bound to it.

use nexus_domain::email::for_sending;
use nexus_domain::mail::Outcome;
use nexus_domain::settings;
use nexus_kit::{ApiError, App};

/// A mail as a transport takes it.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub id: String,
    pub recipient: String,
    pub recipient_name: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub category: String,
}

/// How to reach the provider and as whom to write.
#[derive(Debug, Clone)]
pub struct Provider {
    pub base_url: String,
    pub api_key: String,
    pub sender: String,
    pub sender_name: String,
}

impl Provider {
    pub fn of(app: &App) -> Result<Self, ApiError> {
        let config = app.config();
        Ok(Self {
            base_url: config.get(&settings::SENDGRID_BASE_URL)?,
            api_key: config
                .get(&settings::SENDGRID_API_KEY)?
                .map(|key| key.reveal().to_owned())
                .unwrap_or_default(),
            sender: for_sending(&config.get(&settings::SENDGRID_FROM_EMAIL)?).into_owned(),
            sender_name: config.get(&settings::SENDGRID_FROM_NAME)?,
        })
    }
}

/// Whether mail could be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    Rejected(String),
    Unreachable(String),
}

/// What hands one mail to a provider.
pub trait Transport {
    fn send(&self, mail: Outgoing) -> impl Future<Output = Outcome>;
    fn check(&self) -> impl Future<Output = Readiness>;
}

/// The transport that `spin.toml` binds.
pub struct Bound {
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    provider: Provider,
}

impl Bound {
    pub fn new(provider: Provider) -> Self {
        Self { provider }
    }
}

#[cfg(target_arch = "wasm32")]
mod guest {
    // Generated code, for which our lints are not made.
    #[allow(unsafe_code, clippy::all, clippy::unwrap_used, clippy::expect_used)]
    mod bindings {
        use spin_sdk::wit_bindgen;

        wit_bindgen::generate!({
            runtime_path: "spin_sdk::wit_bindgen::rt",
            path: "../../wit/mail.wit",
            world: "outgoing",
            generate_all,
        });
    }
    use bindings::nexus::mail::transport::{self, Failure, Mail, Mailbox};
    use nexus_domain::mail::Outcome;

    use super::{Bound, Outgoing, Readiness, Transport};

    impl Bound {
        fn wire(&self) -> transport::Provider {
            transport::Provider {
                base_url: self.provider.base_url.clone(),
                api_key: self.provider.api_key.clone(),
            }
        }
    }

    impl Transport for Bound {
        async fn send(&self, mail: Outgoing) -> Outcome {
            let mail = Mail {
                id: mail.id,
                sender: Mailbox {
                    address: self.provider.sender.clone(),
                    name: Some(self.provider.sender_name.clone()),
                },
                recipient: Mailbox {
                    address: mail.recipient,
                    name: Some(mail.recipient_name),
                },
                subject: mail.subject,
                text: mail.text,
                html: mail.html,
                category: mail.category,
            };
            match transport::send(self.wire(), mail).await {
                Ok(accepted) => Outcome::Accepted {
                    message_id: accepted.message_id,
                },
                Err(Failure::Refused(reason)) => Outcome::Refused { reason },
                Err(Failure::Busy(trouble)) => Outcome::Failed {
                    reason: trouble.reason,
                    retry_after_seconds: trouble.retry_after_seconds,
                    fault: false,
                },
                Err(Failure::Unwell(trouble)) => Outcome::Failed {
                    reason: trouble.reason,
                    retry_after_seconds: trouble.retry_after_seconds,
                    fault: true,
                },
            }
        }

        async fn check(&self) -> Readiness {
            match transport::check(self.wire()).await {
                Ok(()) => Readiness::Ready,
                Err(transport::Problem::Rejected(reason)) => Readiness::Rejected(reason),
                Err(transport::Problem::Unreachable(reason)) => Readiness::Unreachable(reason),
            }
        }
    }
}

/// Outside a component nothing is bound.
#[cfg(not(target_arch = "wasm32"))]
impl Transport for Bound {
    async fn send(&self, _: Outgoing) -> Outcome {
        Outcome::Failed {
            reason: "no transport is bound here".into(),
            retry_after_seconds: None,
            fault: true,
        }
    }

    async fn check(&self) -> Readiness {
        Readiness::Unreachable("no transport is bound here".into())
    }
}
