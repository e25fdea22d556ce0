//! Paths of the scheduled jobs. The scheduler posts an empty object to them, signed.

pub const MAIL_DELIVER: &str = "/internal/mail/deliver";
pub const MAIL_TIDY: &str = "/internal/mail/tidy";
/// Not a job: start-up and health checks read whether mail can be delivered. `?fresh=true` bypasses the cached answer.
pub const MAIL_CHECK: &str = "/internal/mail/check";
pub const IDENTITY_RETENTION: &str = "/internal/identity/retention";
pub const VERIFICATION_TIDY: &str = "/internal/verification/tidy";
pub const OVERDUE: &str = "/internal/jobs/overdue";
pub const REMINDERS: &str = "/internal/jobs/reminders";
pub const LATE_FEES: &str = "/internal/jobs/late-fees";
pub const MONTHLY_INVOICES: &str = "/internal/jobs/monthly-invoices";
