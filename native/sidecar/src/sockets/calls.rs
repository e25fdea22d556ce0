//! What the hub asks the `chat` component, typed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nexus_protocol::relay_calls::Items;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::signature::{InternalClient, InternalError};

#[derive(Debug, Clone, Error)]
pub enum CallError {
    #[error("the call failed: {0}")]
    Failed(Arc<InternalError>),
    #[error("the answer can't be read: {0}")]
    Answer(String),
    #[error("no answer in time")]
    TimedOut,
    #[error("too much is waiting")]
    Full,
}

/// Calls of one component.
#[derive(Clone)]
pub struct Calls {
    client: InternalClient,
    /// Whether the last call was answered.
    answered: Arc<AtomicBool>,
}

impl Calls {
    pub fn new(client: InternalClient) -> Self {
        Self {
            client,
            answered: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Whether the components answer, as far as the last call shows.
    pub fn are_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    pub async fn call<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A, CallError> {
        let answer = self.post(path, body).await?;
        serde_json::from_slice(&answer).map_err(|error| CallError::Answer(error.to_string()))
    }

    pub async fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), CallError> {
        self.post(path, body).await.map(drop)
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<bytes::Bytes, CallError> {
        let body = serde_json::to_vec(body).map_err(|error| CallError::Answer(error.to_string()))?;
        let answer = self.client.post(path, body.into()).await;
        self.answered.store(answer.is_ok(), Ordering::Relaxed);
        answer.map_err(|error| CallError::Failed(Arc::new(error)))
    }

    /// Items out, as many answers back.
    pub async fn call_items<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        items: Vec<Q>,
    ) -> Result<Vec<A>, CallError> {
        let asked = items.len();
        let answer: Items<A> = self.call(path, &Items { items }).await?;
        if answer.items.len() == asked {
            Ok(answer.items)
        } else {
            Err(CallError::Answer(format!(
                "{} answers to {asked} items",
                answer.items.len()
            )))
        }
    }
}

/// Questions that many ask at once, put into as few calls as possible: what comes while a call is under way
/// goes with the next.
pub struct Grouped<Q, A> {
    queue: mpsc::Sender<Asked<Q, A>>,
}

struct Asked<Q, A> {
    question: Q,
    answer: oneshot::Sender<Result<A, CallError>>,
}

impl<Q, A> Grouped<Q, A>
where
    Q: Serialize + Send + Sync + 'static,
    A: DeserializeOwned + Send + 'static,
{
    /// At most `most` items in a call, at most `at_once` calls under way.
    pub fn new(calls: Calls, path: &'static str, most: usize, at_once: usize) -> Self {
        let (queue, waiting) = mpsc::channel(16 * 1024);
        tokio::spawn(group(calls, path, most, at_once, waiting));
        Self { queue }
    }

    /// How many questions wait.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Asks and waits for at most so long.
    pub async fn ask(&self, question: Q, patience: Duration) -> Result<A, CallError> {
        let (answer, answered) = oneshot::channel();
        self.queue
            .try_send(Asked { question, answer })
            .map_err(|_| CallError::Full)?;
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(CallError::TimedOut),
        }
    }
}

async fn group<Q, A>(
    calls: Calls,
    path: &'static str,
    most: usize,
    at_once: usize,
    mut waiting: mpsc::Receiver<Asked<Q, A>>,
) where
    Q: Serialize + Send + Sync + 'static,
    A: DeserializeOwned + Send + 'static,
{
    let places = Arc::new(Semaphore::new(at_once));
    loop {
        // First a place, then the questions: what comes while all places are taken gathers.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let mut asked = Vec::new();
        if waiting.recv_many(&mut asked, most).await == 0 {
            return;
        }
        let calls = calls.clone();
        tokio::spawn(async move {
            let (questions, answers): (Vec<Q>, Vec<_>) = asked.into_iter().map(|a| (a.question, a.answer)).unzip();
            match calls.call_items::<Q, A>(path, questions).await {
                Ok(found) => {
                    for (answer, found) in answers.into_iter().zip(found) {
                        // Whoever asked may be gone.
                        let _ = answer.send(Ok(found));
                    }
                }
                Err(error) => {
                    for answer in answers {
                        let _ = answer.send(Err(error.clone()));
                    }
                }
            }
            drop(place);
        });
    }
}
