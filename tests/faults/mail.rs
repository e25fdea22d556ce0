//! 10,000 mails, 60 % of the answers faulty, 20 kills: none lost, none early, twice only what was never answered.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use nexus_domain::Timestamp;
use nexus_tests::{FakeSendGrid, Received, Reply};

use crate::outbox::{count, database, enqueue, now, random, start};

/// How long an answer may take to get on disk; one that a kill overtakes counts as never seen.
const SETTLING_MILLIS: i64 = 2_000;
/// A row whose holder died is taken again when its lease ends, 15 s after it began, a little before its request.
const LEASE_MILLIS: u128 = 14_500;
/// For the clocks.
const TOLERANCE_MILLIS: u128 = 100;

struct Storm {
    mails: u64,
    kills: u32,
    /// After so many faulty answers a mail is taken: each doubles its pause, and a twentieth would be half an hour.
    faults_per_mail: u64,
    /// In thousandths; together with the bound above it makes 60 % of all answers.
    faulty: u64,
    /// One in so many of the faulty answers never comes, which costs the drain nine seconds.
    silent_one_in: u64,
    patience: Duration,
}

impl Storm {
    fn reply(&self, seed: &mut u64, faults_before: u64) -> Reply {
        if faults_before >= self.faults_per_mail || random(seed) % 1_000 >= self.faulty {
            return Reply::Accept;
        }
        if random(seed).is_multiple_of(self.silent_one_in) {
            return Reply::AcceptThenSilence;
        }
        match random(seed) % 4 {
            0 => Reply::Busy {
                seconds: 1 + random(seed) % 3,
            },
            1 => Reply::Status(500),
            2 => Reply::Reset,
            _ => Reply::AcceptThenReset,
        }
    }

    async fn rage(self) {
        let provider = FakeSendGrid::start().await;
        let mut app = start(&provider).await;
        enqueue(&database(&app), self.mails, self.mails * 3 / 4);
        let (mails, kills, patience) = (self.mails, self.kills, self.patience);
        let (mut seed, mut faults) = (42, HashMap::<String, u64>::new());
        provider.answer(move |body| {
            let mail = body["personalizations"][0]["custom_args"]["mail_id"].to_string();
            let before = faults.entry(mail).or_default();
            let reply = self.reply(&mut seed, *before);
            *before += u64::from(reply != Reply::Accept);
            reply
        });
        let began = Instant::now();
        let mut killed_at = Vec::new();
        while count(&database(&app), "SENT") < mails {
            let sent = count(&database(&app), "SENT");
            assert!(began.elapsed() < patience, "{sent} of {mails} sent");
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            if killed_at.len() < kills as usize {
                killed_at.push(now());
                app.restart().await;
            }
        }
        assert_eq!(killed_at.len(), kills as usize, "the storm was over before all kills");
        provider.assert_requests_valid();
        let found = Found::in_all(&provider.received(), &killed_at);
        let lost = mails - provider.taken().len() as u64;
        println!(
            "{mails} mails, {kills} kills, {} requests ({:.1} % answered faultily) in {:.0} s: lost {lost}, early {}, \
             twice {} (unexplained {}), out of order {}",
            found.requests,
            100.0 * found.faulty as f64 / found.requests as f64,
            began.elapsed().as_secs_f64(),
            found.early,
            found.twice,
            found.unexplained,
            found.disordered,
        );
        assert_eq!((lost, found.early, found.unexplained, found.disordered), (0, 0, 0, 0));
    }
}

#[derive(Default)]
struct Found {
    requests: usize,
    faulty: usize,
    early: usize,
    twice: usize,
    unexplained: usize,
    disordered: usize,
}

impl Found {
    fn in_all(received: &[Received], killed_at: &[Timestamp]) -> Self {
        let mut by_mail: HashMap<&str, Vec<&Received>> = HashMap::new();
        let mut by_recipient: HashMap<&str, Vec<u64>> = HashMap::new();
        for one in received {
            by_mail.entry(&one.mail_id).or_default().push(one);
            if one.reply.takes() {
                by_recipient.entry(&one.to).or_default().push(number(one));
            }
        }
        let mut found = Self {
            requests: received.len(),
            faulty: received.iter().filter(|one| one.reply != Reply::Accept).count(),
            disordered: by_recipient.values().filter(|numbers| !numbers.is_sorted()).count(),
            ..Self::default()
        };
        for attempts in by_mail.values() {
            for (n, pair) in attempts.windows(2).enumerate() {
                found.judge(n, pair[0], pair[1], killed_at);
            }
        }
        found
    }

    /// The `n`-th attempt at a mail (from 0), and the one after it.
    fn judge(&mut self, n: usize, before: &Received, after: &Received, killed_at: &[Timestamp]) {
        let doubled = 1_000u128 << n.min(10);
        let told = match before.reply {
            Reply::Busy { seconds } => u128::from(seconds) * 1_000,
            _ => 0,
        };
        // An answer that a kill swallowed is waited for until the lease ends; nothing comes sooner than that.
        let pause = doubled.max(told).min(LEASE_MILLIS);
        self.early += usize::from(after.at + TOLERANCE_MILLIS < before.at + pause);
        if before.reply.takes() {
            self.twice += 1;
            let at = i64::try_from(before.at).expect("not that late");
            let swallowed = killed_at
                .iter()
                .any(|kill| (0..SETTLING_MILLIS).contains(&(kill.as_millis() - at)));
            self.unexplained += usize::from(before.reply.answers() && !swallowed);
        }
    }
}

/// Which mail it is: its reason, alone on a line of the text part.
fn number(one: &Received) -> u64 {
    let text = one.body["content"][0]["value"].as_str().unwrap_or_default();
    text.lines().find_map(|line| line.parse().ok()).unwrap_or(u64::MAX)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_is_lost_or_sent_early_in_a_storm_of_faults_and_kills() {
    let storm = Storm {
        mails: 80,
        kills: 2,
        faults_per_mail: 3,
        faulty: 700,
        silent_one_in: 20,
        patience: Duration::from_secs(240),
    };
    storm.rage().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour"]
async fn ten_thousand_mails_survive_a_storm_of_faults_and_twenty_kills() {
    let storm = Storm {
        mails: 10_000,
        kills: 20,
        faults_per_mail: 6,
        faulty: 612,
        silent_one_in: 5,
        patience: Duration::from_secs(3_600),
    };
    storm.rage().await;
}
