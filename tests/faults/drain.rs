//! How fast the outbox empties, and that it stops in an orderly way.

use std::fs;
use std::time::{Duration, Instant};

use nexus_tests::{FakeSendGrid, LeanSendGrid, Reply};

use crate::outbox::{count, database, enqueue, sending_to, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_mail_goes_out_lets_every_answer_be_written_down() {
    const MAILS: u64 = 600;
    let provider = FakeSendGrid::start().await;
    provider.answer(|_| Reply::AcceptSlowly { millis: 200 });
    let mut app = start(&provider).await;
    enqueue(&database(&app), MAILS, MAILS);
    while provider.received().len() < 100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let code = tokio::task::block_in_place(|| app.terminate());
    assert_eq!(code, Some(0));
    let taken = provider.taken().len() as u64;
    assert_eq!(
        count(&database(&app), "SENT"),
        taken,
        "all that was taken is written down"
    );
    assert_eq!(count(&database(&app), "SENDING"), 0);

    app.restart().await;
    while count(&database(&app), "SENT") < MAILS {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(provider.taken().values().all(|times| *times == 1));
}

/// Processor time of a process since its start, in seconds: `utime` and `stime` of proc_pid_stat(5), in hundredths.
pub fn processor_seconds(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    let (_, after_name) = stat.rsplit_once(')').expect("a name in parentheses");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: f64 = fields[11..13]
        .iter()
        .map(|ticks| ticks.parse::<f64>().expect("a number"))
        .sum();
    ticks / 100.0
}

/// Measures; the short form only shows that it does.
async fn drain(mails: u64, rounds: u32) {
    let provider = LeanSendGrid::start(env!("CARGO_BIN_EXE_lean_sendgrid"));
    let app = sending_to(provider.url()).start().await;
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let mut rates = Vec::new();
    for round in 1..=rounds {
        let database = database(&app);
        let (nexus, lean) = (app.pid().to_string(), provider.pid().to_string());
        let before = provider.counts().await;
        let (ours, theirs) = (processor_seconds(&nexus), processor_seconds(&lean));
        enqueue(&database, mails, mails);
        let began = Instant::now();
        // Asked of the table and seldom: this test shares the cores with what it measures.
        while count(&database, "PENDING") + count(&database, "SENDING") > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let took = began.elapsed().as_secs_f64();
        let (ours, theirs) = (processor_seconds(&nexus) - ours, processor_seconds(&lean) - theirs);
        let after = provider.counts().await;
        assert_eq!(after.mails - before.mails, mails, "each mail once");
        assert_eq!(after.different - before.different, mails, "and all of them");
        rates.push(mails as f64 / took);
        println!(
            "round {round}: {:.0} mails/s; processor: nexus {:.2} ms a mail, the provider {:.2} ms; {:.0} % of {cores} cores \
             between them; {} connections",
            mails as f64 / took,
            ours / mails as f64 * 1_000.0,
            theirs / mails as f64 * 1_000.0,
            100.0 * (ours + theirs) / took / cores,
            after.connections,
        );
    }
    rates.sort_by(f64::total_cmp);
    println!(
        "{mails} mails, {rounds} rounds: min {:.0}, median {:.0}, max {:.0} mails/s",
        rates[0],
        rates[rates.len() / 2],
        rates[rates.len() - 1]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_drains_and_the_rate_is_told() {
    drain(200, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn the_outbox_drains_at_a_thousand_mails_a_second() {
    drain(10_000, 5).await;
}
