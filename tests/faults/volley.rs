//! Requests on their way, while somebody is about to kill who answers them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nexus_tests::Answer;
use reqwest::RequestBuilder;
use tokio::task::JoinHandle;

/// Each with what it is for.
pub struct Volley<T> {
    sent: Vec<(T, JoinHandle<Option<Answer>>)>,
    answered: Arc<AtomicUsize>,
}

impl<T> Volley<T> {
    /// Sends all of them at once.
    pub fn send(requests: impl IntoIterator<Item = (T, RequestBuilder)>) -> Self {
        let answered = Arc::new(AtomicUsize::new(0));
        let sent = requests.into_iter().map(|(what, request)| {
            let answered = Arc::clone(&answered);
            let answer = async move {
                let answer = Answer::try_of(request).await.ok();
                answered.fetch_add(1, Ordering::SeqCst);
                answer
            };
            (what, tokio::spawn(answer))
        });
        Self {
            sent: sent.collect(),
            answered: Arc::clone(&answered),
        }
    }

    /// Waits for the moment to kill: before the first answer, after the last, or between any two of them, and just then
    /// another is committing.
    pub async fn reach_moment_of(&self, round: u32) {
        let (round, moments) = (round as usize, self.sent.len() + 1);
        while self.answered.load(Ordering::SeqCst) < round % moments {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        tokio::time::sleep(Duration::from_millis((round / moments % 12) as u64)).await;
    }

    /// `None`: no whole answer came.
    pub async fn answers(self) -> Vec<(T, Option<Answer>)> {
        let mut answers = Vec::new();
        for (what, answer) in self.sent {
            answers.push((what, answer.await.unwrap_or_default()));
        }
        answers
    }
}
