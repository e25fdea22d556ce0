//! Answers of the provider that are not written down yet.
//!
//! They outlive the drain that got them: whoever called it may have gone, or the database be away for longer than a drain
//! lasts. The next drain of this instance begins with them. So that other instances know too, each mail that the provider
//! has taken is noted in the key-value store as soon as the database has failed ([`accepted`](crate::accepted)).

use std::cell::RefCell;
use std::collections::HashSet;

use nexus_domain::ids::MailId;
use nexus_domain::mail::Outcome;
use nexus_store::mail::outbox_delivery::{Fate, Settled};

use crate::accepted;

/// What came of one mail for the books, and what it says of the provider.
#[derive(Clone)]
pub struct TransportAnswer {
    settled: Settled,
    outcome: Option<Outcome>,
    noted: bool,
}

impl TransportAnswer {
    pub fn new(settled: Settled, outcome: Option<Outcome>) -> Self {
        Self {
            settled,
            outcome,
            noted: false,
        }
    }
}

thread_local! {
    // A guest has one thread. No more than what drains have in flight: none of them takes more while it can't settle.
    static UNSETTLED: RefCell<Vec<TransportAnswer>> = const { RefCell::new(Vec::new()) };
}

pub fn is_empty() -> bool {
    UNSETTLED.with_borrow(Vec::is_empty)
}

pub fn add(answer: TransportAnswer) {
    UNSETTLED.with_borrow_mut(|answers| answers.push(answer));
}

/// All of them, in the order in which they came.
pub fn all() -> (Vec<Settled>, Vec<Outcome>) {
    UNSETTLED.with_borrow(|answers| {
        let settled = answers.iter().map(|one| one.settled.clone()).collect();
        let outcomes = answers.iter().filter_map(|one| one.outcome.clone()).collect();
        (settled, outcomes)
    })
}

/// These are written down.
pub async fn forget(settled: &[Settled]) {
    let ids: HashSet<MailId> = settled.iter().map(|one| one.id).collect();
    let written = UNSETTLED.with_borrow_mut(|answers| {
        answers
            .extract_if(.., |one| ids.contains(&one.settled.id))
            .collect::<Vec<_>>()
    });
    for one in written.iter().filter(|one| one.noted) {
        accepted::forget(one.settled.id).await;
    }
}

/// Notes outside of the database which mails the provider has taken. What can't be noted is tried the next time.
pub async fn note() {
    let taken = UNSETTLED.with_borrow(|answers| {
        let new = answers.iter().filter(|one| !one.noted);
        new.filter_map(|one| match &one.settled.fate {
            Fate::Sent { message_id, kept: None } => Some((one.settled.id, message_id.clone())),
            _ => None,
        })
        .collect::<Vec<_>>()
    });
    for (id, message_id) in taken {
        if accepted::note(id, message_id).await.is_err() {
            return;
        }
        UNSETTLED.with_borrow_mut(|answers| {
            let noted = answers.iter_mut().filter(|one| one.settled.id == id);
            noted.for_each(|one| one.noted = true);
        });
    }
}

/// As if the instance were gone.
#[cfg(test)]
pub fn drop_all() {
    UNSETTLED.with_borrow_mut(Vec::clear);
}
