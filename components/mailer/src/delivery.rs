//! Draining the outbox.
//!
//! Mails are leased, sent a bounded number at a time, and settled as their answers come: whatever comes in within a
//! moment is written down in one commit, which also leases what there is room for. So an answer is on disk a moment
//! and a commit after it is seen, and a crash can repeat only mails whose answer wasn't.

use std::pin::pin;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use nexus_domain::mail::{self, Outcome, Template};
use nexus_domain::seal::SealKey;
use nexus_domain::settings::{self, MailTransport};
use nexus_kit::{App, Problem, clock};
use nexus_store::mail_delivery::{self, Fate, LeasedMail, Rendered, Settled, Turn};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::letter::{self, Brand, Facts};
use crate::transport::{Bound, Outgoing, Provider, Transport};

/// Mails in flight at once. Each commit costs the same however many it settles, so a wide pipe is a fast one.
const CONCURRENCY: u32 = 128;
/// The longest a drain takes new mails; the scheduler calls again.
const BUDGET_MILLIS: i64 = 8_000;

/// What a drain did.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drained {
    pub sent: u32,
    pub retried: u32,
    pub failed: u32,
    pub suppressed: u32,
    /// Its time was over before its work.
    pub more: bool,
}

impl Drained {
    fn count(&mut self, fate: &Fate) {
        match fate {
            Fate::Sent { .. } => self.sent += 1,
            Fate::Retry { .. } => self.retried += 1,
            Fate::Dead { .. } => self.failed += 1,
            Fate::Suppressed => self.suppressed += 1,
        }
    }
}

/// Delivers what is due, by the transport that the settings name.
pub async fn drain(app: &App) -> Result<Drained, Problem> {
    if !mail_delivery::is_due(app.database(), clock::now())? {
        return Ok(Drained::default());
    }
    let press = Press::new(app)?;
    match app.config().get(&settings::MAIL_TRANSPORT)? {
        MailTransport::Dev => run(app, &press, None::<&Bound>).await,
        MailTransport::Sendgrid => run(app, &press, Some(&Bound::new(Provider::of(app)?))).await,
    }
}

/// One mail's way: what came of it for the books, and what it says of the provider.
struct Done {
    settled: Settled,
    outcome: Option<Outcome>,
}

/// Without a transport, mails go into the development mailbox.
pub(crate) async fn run<T: Transport>(app: &App, press: &Press, transport: Option<&T>) -> Result<Drained, Problem> {
    let database = app.database();
    let token = hex(clock::random::<8>());
    let started = clock::now();
    let mut in_flight = FuturesUnordered::new();
    let mut done: Vec<Done> = Vec::new();
    let mut drained = Drained::default();
    loop {
        let now = clock::now();
        let flying = u32::try_from(in_flight.len()).unwrap_or(CONCURRENCY);
        let in_time = now.as_millis() - started.as_millis() < BUDGET_MILLIS;
        let room = if in_time { CONCURRENCY.saturating_sub(flying) } else { 0 };
        let (settled, outcomes): (Vec<_>, Vec<_>) = done.drain(..).map(|one| (one.settled, one.outcome)).unzip();
        let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
        settled.iter().for_each(|one| drained.count(&one.fate));
        if !settled.is_empty() || room > 0 {
            let turn = Turn {
                now,
                token: &token,
                room,
            };
            let leased = mail_delivery::settle_and_lease(database, &settled, &outcomes, &turn)?;
            if room > 0 {
                drained.more = !leased.is_empty();
            }
            in_flight.extend(leased.into_iter().map(|leased| deliver(press, transport, leased)));
        }
        match in_flight.next().await {
            None => return Ok(drained),
            Some(first) => done.push(first),
        }
        // A guest hears of one answer at a time. Those of the next moment go into the same commit: one for each would
        // cost more than all else.
        let mut moment = pin!(moment());
        while done.len() < CONCURRENCY as usize
            && let Either::Left((Some(more), _)) = select(in_flight.next(), &mut moment).await
        {
            done.push(more);
        }
    }
}

/// As long as an answer may wait for others.
#[cfg(target_arch = "wasm32")]
async fn moment() {
    const NANOS: u64 = 20_000_000;
    spin_sdk::wasip3::clocks::monotonic_clock::wait_for(NANOS).await;
}

/// Tests have all their answers at once.
#[cfg(not(target_arch = "wasm32"))]
async fn moment() {}

async fn deliver<T: Transport>(press: &Press, transport: Option<&T>, leased: LeasedMail) -> Done {
    let settled = |fate| Settled { id: leased.id, fate };
    if leased.suppressed {
        return Done {
            settled: settled(Fate::Suppressed),
            outcome: None,
        };
    }
    let rendered = match press.render(&leased) {
        Ok(rendered) => rendered,
        // It would fail in the same way again.
        Err(reason) => {
            return Done {
                settled: settled(Fate::Dead { reason }),
                outcome: None,
            };
        }
    };
    let Some(transport) = transport else {
        return Done {
            settled: settled(Fate::Sent {
                message_id: None,
                kept: Some(rendered),
            }),
            outcome: None,
        };
    };
    let outcome = transport
        .send(Outgoing {
            id: leased.id.to_string(),
            recipient: leased.recipient.clone(),
            recipient_name: leased.recipient_name.clone(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
            category: leased.template.clone(),
        })
        .await;
    let fate = match &outcome {
        Outcome::Accepted { message_id } => Fate::Sent {
            message_id: message_id.clone(),
            kept: None,
        },
        Outcome::Refused { reason } => Fate::Dead { reason: reason.clone() },
        Outcome::Failed {
            reason,
            retry_after_seconds,
            ..
        } => {
            let [random] = clock::random::<1>();
            let at = mail::next_attempt(clock::now(), leased.attempts, *retry_after_seconds, random);
            if at >= leased.expires_at {
                Fate::Dead {
                    reason: format!("{reason}; given up after {} attempts", leased.attempts),
                }
            } else {
                Fate::Retry {
                    at,
                    reason: reason.clone(),
                }
            }
        }
    };
    Done {
        settled: settled(fate),
        outcome: Some(outcome),
    }
}

fn hex(bytes: [u8; 8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes mails of rows: opens their secrets and sets them in the language and look that they ask for.
pub(crate) struct Press {
    keys: Vec<SealKey>,
    brand_name: String,
    logo_url: Option<String>,
    frontend: String,
}

impl Press {
    pub fn new(app: &App) -> Result<Self, Problem> {
        let config = app.config();
        let secrets = config.secrets(&settings::MAIL_SEAL_KEY, &settings::MAIL_SEAL_KEY_PREVIOUS)?;
        let frontend = config
            .get(&settings::FRONTEND_URL)?
            .first()
            .map(|origin| origin.as_str().to_owned())
            .unwrap_or_default();
        Ok(Self {
            keys: secrets
                .iter()
                .map(|secret| SealKey::derive(secret.as_bytes(), mail::SEAL_PURPOSE))
                .collect(),
            brand_name: config.get(&settings::BRAND_NAME)?,
            logo_url: config.get(&settings::BRAND_LOGO_URL)?,
            frontend,
        })
    }

    fn render(&self, leased: &LeasedMail) -> Result<Rendered, String> {
        let template: Template = leased
            .template
            .parse()
            .map_err(|_| format!("there is no template {}", leased.template))?;
        let mut values = object(leased.params.as_bytes()).ok_or("its params are no object")?;
        if let Some(sealed) = &leased.sealed {
            let context = mail::seal_context(leased.id);
            let clear = SealKey::open(&self.keys, &context, sealed)
                .map_err(|error| format!("its secret can't be opened: {error}"))?;
            values.extend(object(&clear).ok_or("its secret is no object")?);
        }
        if let Some(needed) = letter::needed_secret(template)
            && !values.contains_key(needed)
        {
            return Err(format!("it lacks `{needed}`"));
        }
        let brand = Brand::new(
            self.brand_name.clone(),
            self.logo_url.clone(),
            self.frontend.clone(),
            &leased.branding,
        );
        letter::render(
            template,
            &leased.locale,
            &Facts {
                values,
                recipient_name: &leased.recipient_name,
                brand: &brand,
            },
        )
    }
}

fn object(json: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(json) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
