//! Mails: which there are, what each needs to know, and when delivery is tried again.
//!
//! What a mail shows is split in two: `params` lie in the outbox as they are, `secrets` are sealed
//! (`seal::SealKey`, purpose [`SEAL_PURPOSE`], context [`seal_context`]) until the mail is delivered.
//!
//! | template | params | secrets |
//! | --- | --- | --- |
//! | `verification-otp` | `minutes` | `otp` |
//! | `account-approved` | `expiresAt` (RFC 3339) | `temporaryPassword` |
//! | `documents-rejected` | `reason` (null: a default) | `token` |
//! | `documents-requested` | | `token` |
//! | `password-reset` | `minutes` | `token` |
//! | `account-suspended` | `reason`, `banned` (boolean) | |
//! | `email-changed` | `newEmail` | |
//! | `mfa-reset` | | |
//! | `registration-attempted` | | |
//! | `invoice-issued` `payment-reminder` `payment-overdue` | `invoiceNumber`, `amount`, `currency`, `dueDate`, `link` | |
//! | `payment-receipt` | as above, and `paymentDate`, `balance`, `reference` where known | |

mod name;

pub use name::name_to_show;

use crate::Timestamp;
use crate::status::wire_enum;

wire_enum!(
    /// Every mail of the product.
    Template {
        VerificationOtp => "verification-otp",
        AccountApproved => "account-approved",
        DocumentsRejected => "documents-rejected",
        DocumentsRequested => "documents-requested",
        PasswordReset => "password-reset",
        AccountSuspended => "account-suspended",
        EmailChanged => "email-changed",
        MfaReset => "mfa-reset",
        RegistrationAttempted => "registration-attempted",
        InvoiceIssued => "invoice-issued",
        PaymentReceipt => "payment-receipt",
        PaymentReminder => "payment-reminder",
        PaymentOverdue => "payment-overdue",
    }
);

wire_enum!(
    /// Where a mail of the outbox stands.
    MailStatus {
        Pending => "PENDING",
        Sending => "SENDING",
        Sent => "SENT",
        Failed => "FAILED",
        Suppressed => "SUPPRESSED",
    }
);

/// The purpose for which the mail key is derived.
pub const SEAL_PURPOSE: &str = "mail";

/// What ties sealed secrets to their row.
pub fn seal_context(mail: crate::ids::MailId) -> String {
    format!("mail:{mail}")
}

/// How long delivery of an ordinary mail is tried.
pub const TIMEOUT_SECONDS: i64 = 24 * 60 * 60;

const MAX_PAUSE_MILLIS: i64 = 30 * 60 * 1_000;
/// The first pauses are exact: 1, 2, 4 s.
const QUICK_ATTEMPTS: u32 = 3;

/// When a mail whose `attempts`-th attempt failed is tried again. From the fourth on the pause has up to a quarter
/// of jitter (`random` is 0 to 255), so that what failed together doesn't come back together. `Retry-After` only ever
/// makes it later.
pub fn next_attempt(now: Timestamp, attempts: u32, retry_after_seconds: Option<u32>, random: u8) -> Timestamp {
    let doubled = 1_000i64.saturating_mul(1 << attempts.saturating_sub(1).min(20));
    let jitter = if attempts <= QUICK_ATTEMPTS {
        0
    } else {
        doubled / 4 * i64::from(random) / 255
    };
    let pause = (doubled + jitter).min(MAX_PAUSE_MILLIS);
    let told = i64::from(retry_after_seconds.unwrap_or(0)).saturating_mul(1_000);
    now.plus_millis(pause.max(told))
}

/// What came of handing a mail to the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Taken, under the provider's id. Never sent again.
    Accepted { message_id: Option<String> },
    /// Refused, and would be again.
    Refused { reason: String },
    /// Not taken this time. `fault`: the provider is not well, as opposed to busy with us.
    Failed {
        reason: String,
        retry_after_seconds: Option<u32>,
        fault: bool,
    },
}

/// The circuit breaker around the provider: opens after ten faults in a row, and then lets one mail through every
/// five seconds to see whether the provider is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    pub failures_in_a_row: u32,
    /// `None`: closed.
    pub opened_at: Option<Timestamp>,
    pub next_probe_at: Option<Timestamp>,
}

impl Breaker {
    const OPENS_AFTER: u32 = 10;
    const PROBE_EVERY_SECONDS: i64 = 5;

    pub fn is_open(&self) -> bool {
        self.opened_at.is_some()
    }

    /// What one outcome makes of it.
    #[must_use]
    pub fn after(self, outcome: &Outcome, now: Timestamp) -> Self {
        match outcome {
            // Whatever it said, the provider answered.
            Outcome::Accepted { .. } | Outcome::Refused { .. } => Self::default(),
            Outcome::Failed { fault: false, .. } => self,
            Outcome::Failed { fault: true, .. } => {
                let failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                let opens = failures_in_a_row >= Self::OPENS_AFTER && !self.is_open();
                Self {
                    failures_in_a_row,
                    opened_at: if opens { Some(now) } else { self.opened_at },
                    next_probe_at: if opens {
                        Some(now.plus_seconds(Self::PROBE_EVERY_SECONDS))
                    } else {
                        self.next_probe_at
                    },
                }
            }
        }
    }

    /// How many mails may be taken now, of `wanted`, and the breaker after that: an open one lets a single probe
    /// through, and none again for five seconds.
    pub fn admit(self, wanted: u32, now: Timestamp) -> (u32, Self) {
        if !self.is_open() {
            return (wanted, self);
        }
        if self.next_probe_at.is_some_and(|at| now < at) {
            return (0, self);
        }
        let next_probe_at = Some(now.plus_seconds(Self::PROBE_EVERY_SECONDS));
        (wanted.min(1), Self { next_probe_at, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn pause(attempts: u32, retry_after: Option<u32>, random: u8) -> i64 {
        next_attempt(NOW, attempts, retry_after, random).as_millis() - NOW.as_millis()
    }

    #[test]
    fn the_first_three_pauses_are_exact_and_later_ones_double_with_jitter_up_to_half_an_hour() {
        assert_eq!(
            [1, 2, 3].map(|attempts| pause(attempts, None, 255)),
            [1_000, 2_000, 4_000]
        );
        assert_eq!(pause(4, None, 0), 8_000);
        assert_eq!(pause(4, None, 255), 10_000);
        assert_eq!(pause(40, None, 255), MAX_PAUSE_MILLIS);
    }

    #[test]
    fn retry_after_only_makes_it_later() {
        assert_eq!(pause(1, Some(7), 0), 7_000);
        assert_eq!(pause(6, Some(7), 0), 32_000);
        assert_eq!(pause(1, Some(7_200), 0), 7_200_000);
    }

    fn fault() -> Outcome {
        Outcome::Failed {
            reason: "500".into(),
            retry_after_seconds: None,
            fault: true,
        }
    }

    #[test]
    fn ten_faults_in_a_row_open_the_breaker_and_one_answer_closes_it() {
        let mut breaker = Breaker::default();
        for _ in 0..9 {
            breaker = breaker.after(&fault(), NOW);
        }
        assert_eq!(breaker.admit(64, NOW).0, 64);
        breaker = breaker.after(&fault(), NOW);
        assert_eq!(breaker.admit(64, NOW).0, 0);
        let (admitted, probing) = breaker.admit(64, NOW.plus_seconds(5));
        assert_eq!(admitted, 1);
        assert_eq!(
            probing.admit(64, NOW.plus_seconds(9)).0,
            0,
            "one probe every five seconds"
        );
        let closed = probing.after(&Outcome::Accepted { message_id: None }, NOW);
        assert_eq!(closed.admit(64, NOW).0, 64);
    }

    #[test]
    fn being_told_to_wait_is_no_fault() {
        let busy = Outcome::Failed {
            reason: "429".into(),
            retry_after_seconds: Some(1),
            fault: false,
        };
        let breaker = (0..50).fold(Breaker::default(), |breaker, _| breaker.after(&busy, NOW));
        assert!(!breaker.is_open());
    }
}
