//! Jobs on a schedule: each is a signed `POST /internal/…` to the components, which know what to do.
//!
//! A job runs one at a time, at its period, and at once when a component says that there is work
//! ([`Nudges`]). A nudge is a convenience: the work itself is in a table, and the next tick finds it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::signature::InternalClient;

pub struct Job {
    /// As components name it in `X-Nexus-Nudge`.
    pub name: &'static str,
    pub path: &'static str,
    pub period: Duration,
}

const HOUR: Duration = Duration::from_secs(60 * 60);

pub const JOBS: [Job; 9] = [
    Job {
        name: "mail",
        path: "/internal/mail/deliver",
        period: Duration::from_secs(1),
    },
    Job {
        name: "chat",
        path: nexus_domain::relay_calls::PURGE,
        period: Duration::from_secs(60),
    },
    // Deletions whose time has come, and what of identity's has run out.
    Job {
        name: "identity-retention",
        path: "/internal/identity/retention",
        period: HOUR,
    },
    Job {
        name: "overdue",
        path: "/internal/jobs/overdue",
        period: Duration::from_secs(900),
    },
    Job {
        name: "reminders",
        path: "/internal/jobs/reminders",
        period: HOUR,
    },
    Job {
        name: "late-fees",
        path: "/internal/jobs/late-fees",
        period: HOUR,
    },
    Job {
        name: "monthly-invoices",
        path: "/internal/jobs/monthly-invoices",
        period: HOUR,
    },
    Job {
        name: "mail-tidy",
        path: "/internal/mail/tidy",
        period: HOUR,
    },
    Job {
        name: "documents-tidy",
        path: "/internal/verification/tidy",
        period: HOUR,
    },
];

/// How soon a job runs that is due seldom: a node that is restarted every day must come to it too.
const FIRST_RUN: Duration = Duration::from_secs(60);

/// A failing job is tried less and less often, down to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Tells jobs that there is work for them.
#[derive(Clone)]
pub struct Nudges(Arc<[(&'static str, Notify)]>);

impl Nudges {
    pub fn new(jobs: &[Job]) -> Self {
        Self(jobs.iter().map(|job| (job.name, Notify::new())).collect())
    }

    /// `names` as in the header: one or more, separated by commas.
    pub fn send(&self, names: &str) {
        for name in names.split(',').map(str::trim) {
            if let Some((_, notify)) = self.0.iter().find(|(job, _)| *job == name) {
                // Kept when the job is running just now: it runs once more afterwards.
                notify.notify_one();
            }
        }
    }

    async fn of(&self, name: &str) {
        match self.0.iter().find(|(job, _)| *job == name) {
            Some((_, notify)) => notify.notified().await,
            None => std::future::pending().await,
        }
    }
}

/// Runs all jobs until told to stop. A job that is running then is awaited.
pub async fn run(jobs: &'static [Job], client: InternalClient, nudges: Nudges, stop: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    for job in jobs {
        running.spawn(repeat(job, client.clone(), nudges.clone(), stop.clone()));
    }
    while running.join_next().await.is_some() {}
}

async fn repeat(job: &'static Job, client: InternalClient, nudges: Nudges, mut stop: watch::Receiver<bool>) {
    let mut failures = 0;
    let mut pause = pause_after(job.period.min(FIRST_RUN), 0);
    loop {
        tokio::select! {
            // Also when the sender is gone.
            _ = stop.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(pause) => {}
            () = nudges.of(job.name), if failures == 0 => {}
        }
        match client.post(job.path, Bytes::from_static(b"{}")).await {
            Ok(_) => {
                if failures > 0 {
                    tracing::info!(job = job.name, failures, "job runs again");
                }
                failures = 0;
            }
            Err(error) => {
                // Said once: the components may simply still be starting.
                if failures == 1 {
                    tracing::warn!(job = job.name, %error, "job fails; trying on");
                }
                failures += 1;
            }
        }
        pause = pause_after(job.period, failures);
    }
}

/// The period, doubled with each failure, and up to a tenth more so that nodes and jobs spread out.
fn pause_after(period: Duration, failures: u32) -> Duration {
    let longest = LONGEST_PAUSE.max(period);
    let pause = period.saturating_mul(1 << failures.min(16)).min(longest);
    let mut byte = [0; 1];
    // Without randomness the jobs keep time all the same.
    let _ = getrandom::fill(&mut byte);
    pause + pause.mul_f64(f64::from(byte[0]) / 2550.0)
}

#[cfg(test)]
mod tests;
