//! Jobs on a schedule: each is a signed `POST /internal/…` to the components, which know what to do.
//!
//! A job runs one at a time (or so many as it says), at its period, and at once when a component says that there is work
//! ([`Nudges`]). A nudge is a convenience: the work itself is in a table, and the next tick finds it.

use nexus_protocol::job_paths;
use nexus_protocol::relay_calls;
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
    /// How many of it may run at once, each in an instance of its own; the first is the one that nudges start.
    pub side_by_side: usize,
}

const HOUR: Duration = Duration::from_secs(60 * 60);

pub const JOBS: [Job; 9] = [
    Job {
        name: "mail",
        path: job_paths::MAIL_DELIVER,
        period: Duration::from_secs(1),
        // A drain computes on one thread, and leases keep two of them apart.
        side_by_side: 2,
    },
    Job {
        name: "chat",
        path: relay_calls::PURGE,
        period: Duration::from_secs(60),
        side_by_side: 1,
    },
    // Deletions whose time has come, and what of identity's has run out.
    Job {
        name: "identity-retention",
        path: job_paths::IDENTITY_RETENTION,
        period: HOUR,
        side_by_side: 1,
    },
    Job {
        name: "overdue",
        path: job_paths::OVERDUE,
        period: Duration::from_secs(900),
        side_by_side: 1,
    },
    Job {
        name: "reminders",
        path: job_paths::REMINDERS,
        period: HOUR,
        side_by_side: 1,
    },
    Job {
        name: "late-fees",
        path: job_paths::LATE_FEES,
        period: HOUR,
        side_by_side: 1,
    },
    Job {
        name: "monthly-invoices",
        path: job_paths::MONTHLY_INVOICES,
        period: HOUR,
        side_by_side: 1,
    },
    Job {
        name: "mail-tidy",
        path: job_paths::MAIL_TIDY,
        period: HOUR,
        side_by_side: 1,
    },
    Job {
        name: "documents-tidy",
        path: job_paths::VERIFICATION_TIDY,
        period: HOUR,
        side_by_side: 1,
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
        for lane in 0..job.side_by_side {
            let nudged = (lane == 0).then(|| nudges.clone());
            running.spawn(repeat(job, client.clone(), nudged, stop.clone()));
        }
    }
    while running.join_next().await.is_some() {}
}

async fn repeat(job: &'static Job, client: InternalClient, nudges: Option<Nudges>, mut stop: watch::Receiver<bool>) {
    let mut failures = 0;
    let mut pause = pause_after(job.period.min(FIRST_RUN), 0);
    loop {
        tokio::select! {
            // Also when the sender is gone.
            _ = stop.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(pause) => {}
            () = nudged(nudges.as_ref(), job.name), if failures == 0 => {}
        }
        let mut more = false;
        match client.post(job.path, Bytes::from_static(b"{}")).await {
            Ok(answer) => {
                if failures > 0 {
                    tracing::info!(job = job.name, failures, "job runs again");
                }
                failures = 0;
                more = leaves_more(&answer);
            }
            Err(error) => {
                // Said once: the components may simply still be starting.
                if failures == 1 {
                    tracing::warn!(job = job.name, %error, "job fails; trying on");
                }
                failures += 1;
            }
        }
        pause = match more {
            true => Duration::ZERO,
            false => pause_after(job.period, failures),
        };
    }
}

/// Whether the answer says that the job stopped for its time and not for want of work. Most say nothing of it.
fn leaves_more(answer: &[u8]) -> bool {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Done {
        more: bool,
    }
    serde_json::from_slice::<Done>(answer).is_ok_and(|done| done.more)
}

async fn nudged(nudges: Option<&Nudges>, job: &str) {
    match nudges {
        Some(nudges) => nudges.of(job).await,
        None => std::future::pending().await,
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
