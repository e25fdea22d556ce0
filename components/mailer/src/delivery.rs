//! Draining the outbox.
//!
//! Mails are leased, sent a bounded number at a time, and settled as their answers come: whatever comes in within a
//! moment is written down in one commit, which also leases what there is room for. So an answer is on disk a moment
//! and a commit after it is seen, and a crash can repeat only mails whose answer wasn't.
//!
//! A database that fails meanwhile ends nothing: what is in flight is awaited, what was answered is kept ([`unsettled`])
//! and written down as soon as that can be done.

use std::pin::pin;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use nexus_domain::email::for_sending;
use nexus_domain::mail::{self, Outcome};
use nexus_domain::settings::{self, MailTransport};
use nexus_kit::{ApiError, App, clock};
use nexus_store::mail::outbox_delivery::{self, Fate, LeasedMail, Settled, Turn};
use nexus_store::{StoreError, identity::decoys};
use serde::Serialize;

use crate::accepted;
use crate::renderer::Renderer;
use crate::transport::{Bound, Outgoing, Provider, Transport};
use crate::unsettled::{self, TransportAnswer};

/// Mails in flight at once. Each commit costs the same however many it settles, so a wide pipe is a fast one.
const CONCURRENCY: u32 = 128;
/// The longest a drain takes new mails; the scheduler calls again.
const BUDGET_MILLIS: i64 = 8_000;
/// How long a drain tries to write down what it knows; whoever called it waits for 30 s. What is left then is found by
/// the next.
const SETTLING_MILLIS: i64 = 22_000;
const SETTLING_ATTEMPTS: u32 = 26;
/// The pause after the first failure; it doubles, up to a second.
const FIRST_PAUSE_MILLIS: u64 = 50;
const MAX_PAUSE_MILLIS: u64 = 1_000;
/// The longest that a transport takes from connecting to its answer. A lease that is shorter is given back.
const SENDING_SECONDS: i64 = 12;
/// How often a mail waits for the key-value store that may know of it, before it is sent without asking.
const NOTE_ATTEMPTS: u32 = 4;
const NOTE_PAUSE_SECONDS: i64 = 5;

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
pub async fn drain(app: &App) -> Result<Drained, ApiError> {
    // What is still to be written down comes first, whatever else fails.
    if unsettled::is_empty() {
        pass_decoys(app).await?;
        if !outbox_delivery::is_due(app.database(), clock::now())? {
            return Ok(Drained::default());
        }
    }
    let renderer = Renderer::new(app)?;
    match app.config().get(&settings::MAIL_TRANSPORT)? {
        MailTransport::Dev => run(app, &renderer, None::<&Bound>).await,
        MailTransport::Sendgrid => run(app, &renderer, Some(&Bound::new(Provider::of(app)?))).await,
    }
}

/// What was written in place of mails keeps the database as busy as mails do, or the next request would tell of it.
async fn pass_decoys(app: &App) -> Result<(), ApiError> {
    let now = clock::now();
    if decoys::lease_mails(app.database(), now, CONCURRENCY)? {
        pause(MOMENT_MILLIS).await;
        decoys::settle_mails(app.database(), now, CONCURRENCY)?;
    }
    Ok(())
}

/// A database that has failed since it last did its work.
struct Failing {
    attempts: u32,
    error: StoreError,
}

impl Failing {
    fn after(before: Option<Self>, error: StoreError) -> Self {
        Self {
            attempts: before.map_or(0, |before| before.attempts) + 1,
            error,
        }
    }

    fn pause_millis(&self) -> u64 {
        (FIRST_PAUSE_MILLIS << self.attempts.saturating_sub(1).min(10)).min(MAX_PAUSE_MILLIS)
    }
}

/// Without a transport, mails go into the development mailbox.
pub(crate) async fn run<T: Transport>(
    app: &App,
    renderer: &Renderer,
    transport: Option<&T>,
) -> Result<Drained, ApiError> {
    let token = hex(clock::random::<8>());
    let started = clock::now();
    let mut in_flight = FuturesUnordered::new();
    let mut drained = Drained::default();
    let mut failing: Option<Failing> = None;
    loop {
        let elapsed = clock::now().as_millis() - started.as_millis();
        let flying = u32::try_from(in_flight.len()).unwrap_or(CONCURRENCY);
        let takes_more = failing.is_none() && elapsed < BUDGET_MILLIS;
        let turn = Turn {
            clock: clock::now,
            token: &token,
            room: if takes_more {
                CONCURRENCY.saturating_sub(flying)
            } else {
                0
            },
        };
        let (settled, outcomes) = unsettled::all();
        if !settled.is_empty() || turn.room > 0 {
            match outbox_delivery::settle_and_lease(app.database(), &settled, &outcomes, &turn) {
                Ok(leased) => {
                    failing = None;
                    settled.iter().for_each(|one| drained.count(&one.fate));
                    unsettled::forget(&settled).await;
                    if turn.room > 0 {
                        drained.more = !leased.is_empty();
                    }
                    in_flight.extend(leased.into_iter().map(|leased| deliver(renderer, transport, leased)));
                }
                Err(error) => {
                    unsettled::note().await;
                    failing = Some(Failing::after(failing, error));
                }
            }
        }
        let first = match &failing {
            None => match in_flight.next().await {
                None => return Ok(drained),
                first => first,
            },
            Some(failing) if in_flight.is_empty() => {
                let is_over = elapsed >= SETTLING_MILLIS || failing.attempts >= SETTLING_ATTEMPTS;
                if unsettled::is_empty() || is_over {
                    return Err(failing.error.clone().into());
                }
                pause(failing.pause_millis()).await;
                None
            }
            Some(failing) => match select(in_flight.next(), pin!(pause(failing.pause_millis()))).await {
                Either::Left((first, _)) => first,
                Either::Right(_) => None,
            },
        };
        let Some(first) = first else { continue };
        unsettled::add(first);
        // A guest hears of one answer at a time. Those of the next moment go into the same commit: one for each would
        // cost more than all else.
        let mut moment = pin!(pause(MOMENT_MILLIS));
        let mut come = 1;
        while come < CONCURRENCY
            && let Either::Left((Some(more), _)) = select(in_flight.next(), &mut moment).await
        {
            unsettled::add(more);
            come += 1;
        }
    }
}

/// As long as an answer may wait for others.
const MOMENT_MILLIS: u64 = 20;

#[cfg(target_arch = "wasm32")]
async fn pause(millis: u64) {
    spin_sdk::wasip3::clocks::monotonic_clock::wait_for(millis * 1_000_000).await;
}

/// Tests have all their answers at once.
#[cfg(not(target_arch = "wasm32"))]
async fn pause(_: u64) {}

async fn deliver<T: Transport>(renderer: &Renderer, transport: Option<&T>, leased: LeasedMail) -> TransportAnswer {
    let (fate, outcome) = attempt(renderer, transport, &leased).await;
    let settled = Settled {
        id: leased.id,
        lease_token: leased.lease_token,
        fate,
    };
    TransportAnswer::new(settled, outcome)
}

/// What came of one mail for the books, and what it says of the provider.
async fn attempt<T: Transport>(
    renderer: &Renderer,
    transport: Option<&T>,
    leased: &LeasedMail,
) -> (Fate, Option<Outcome>) {
    if leased.suppressed {
        return (Fate::Suppressed, None);
    }
    let rendered = match renderer.render(leased) {
        Ok(rendered) => rendered,
        // It would fail in the same way again.
        Err(reason) => return (Fate::Dead { reason }, None),
    };
    let Some(transport) = transport else {
        let fate = Fate::Sent {
            message_id: None,
            kept: Some(rendered),
        };
        return (fate, None);
    };
    if let Some(fate) = known_already(leased).await {
        return (fate, None);
    }
    // Whoever takes the row when the lease has ended must not find it in flight.
    if clock::now().plus_seconds(SENDING_SECONDS) > leased.lease_until {
        let fate = Fate::Retry {
            at: clock::now(),
            reason: "the lease was too short by the time it was given".to_owned(),
        };
        return (fate, None);
    }
    let outcome = transport
        .send(Outgoing {
            id: leased.id.to_string(),
            recipient: for_sending(&leased.recipient).into_owned(),
            recipient_name: leased.name_to_show(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
            category: leased.template.clone(),
        })
        .await;
    (fate_of(&outcome, leased), Some(outcome))
}

/// What is known of a mail that was leased before: perhaps the provider has it, and only the database didn't hear of it.
async fn known_already(leased: &LeasedMail) -> Option<Fate> {
    if leased.attempts == 1 {
        return None;
    }
    match accepted::find(leased.id).await {
        Ok(None) => None,
        Ok(Some(message_id)) => Some(Fate::Sent { message_id, kept: None }),
        Err(error) if leased.attempts <= NOTE_ATTEMPTS => Some(Fate::Retry {
            at: clock::now().plus_seconds(NOTE_PAUSE_SECONDS),
            reason: format!("whether it was sent is not known: {error}"),
        }),
        Err(_) => None,
    }
}

fn fate_of(outcome: &Outcome, leased: &LeasedMail) -> Fate {
    match outcome {
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
    }
}

fn hex(bytes: [u8; 8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
