//! The channel itself: what is heard on it, what is said on it, and what is noticed when nothing is.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ::redis::{AsyncConnectionConfig, Client, pipe};
use futures::StreamExt;
use tokio::sync::mpsc;

use super::{BEAT, COMMAND_TIMEOUT, Envelope, OverRedis, Said};
use crate::sockets::hub::Core;
use crate::sockets::neighbours::{Neighbours, Reach};

const CHANNEL: &str = "nexus:relay";
pub const TRIES: u32 = 3;
/// Our own beat comes back to us.
const DEAF_AFTER: Duration = BEAT.saturating_mul(5);

/// `min(attempt × 50 ms, 2 s)`
pub fn pause(attempt: u32) -> Duration {
    (Duration::from_millis(50) * attempt).min(Duration::from_secs(2))
}

/// Hears what the others say, and says hello whenever it begins to hear.
pub async fn listen(this: Arc<OverRedis>, core: Weak<Core>, client: Client) {
    let mut attempt = 0;
    loop {
        if let Ok(Ok(mut subscription)) = tokio::time::timeout(COMMAND_TIMEOUT * 2, client.get_async_pubsub()).await
            && subscription.subscribe(CHANNEL).await.is_ok()
        {
            attempt = 0;
            this.others.lock().began_to_hear(Instant::now());
            this.say(Said::Hello);
            if let Some(core) = core.upgrade() {
                this.say_who_is_here(&core);
            }
            let mut messages = subscription.into_on_message();
            loop {
                // Our own beat comes back to us: when it doesn't, the connection is dead whatever TCP thinks.
                let Ok(Some(message)) = tokio::time::timeout(DEAF_AFTER, messages.next()).await else {
                    break;
                };
                let Some(core) = core.upgrade() else { return };
                match message
                    .get_payload::<String>()
                    .map(|text| serde_json::from_str::<Envelope>(&text))
                {
                    Ok(Ok(envelope)) => this.hear(&core, envelope),
                    Ok(Err(error)) => tracing::warn!(%error, "a message of another node can't be read"),
                    Err(error) => tracing::warn!(%error, "a message of another node can't be read"),
                }
            }
        }
        this.others.lock().went_deaf();
        if core.strong_count() == 0 {
            return;
        }
        attempt += 1;
        tokio::time::sleep(pause(attempt)).await;
    }
}

/// Says what is to be said, as much at once as there is.
pub async fn speak(this: Arc<OverRedis>, client: Client, mut outgoing: mpsc::Receiver<Said>) {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(COMMAND_TIMEOUT))
        .set_response_timeout(Some(COMMAND_TIMEOUT));
    let mut attempt = 0;
    let mut waiting: Vec<String> = Vec::new();
    let mut said = Vec::new();
    loop {
        let mut connection = match client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => connection,
            Err(error) => {
                if attempt == 0 {
                    tracing::warn!(%error, "Redis can't be reached; this node goes on for its own clients");
                }
                this.set_reach(if error.is_io_error() || error.is_timeout() {
                    Reach::Disconnected
                } else {
                    Reach::Error
                });
                attempt += 1;
                tokio::time::sleep(pause(attempt)).await;
                continue;
            }
        };
        if attempt > 0 {
            tracing::info!("Redis is there again");
        }
        *this.commands.lock() = Some(connection.clone());
        this.set_reach(Reach::Connected);
        let mut failures = 0;
        while failures < TRIES {
            if waiting.is_empty() {
                if outgoing.recv_many(&mut said, 256).await == 0 {
                    return;
                }
                waiting.extend(said.drain(..).filter_map(|said| this.envelope(said)));
            }
            let mut pipeline = pipe();
            for text in &waiting {
                pipeline.cmd("PUBLISH").arg(CHANNEL).arg(text).ignore();
            }
            match pipeline.query_async::<()>(&mut connection).await {
                Ok(()) => {
                    waiting.clear();
                    failures = 0;
                    this.set_reach(Reach::Connected);
                }
                Err(_) => {
                    failures += 1;
                    this.set_reach(Reach::Disconnected);
                    tokio::time::sleep(pause(failures)).await;
                }
            }
        }
        *this.commands.lock() = None;
        this.set_reach(Reach::Disconnected);
        attempt = 1;
    }
}

/// Beats, and notices who doesn't any more.
pub async fn watch(this: Arc<OverRedis>, core: Weak<Core>) {
    let mut tick = tokio::time::interval(BEAT);
    loop {
        tick.tick().await;
        let Some(core) = core.upgrade() else { return };
        this.say(Said::Beat);
        // While we hear nothing at all, it isn't the others who are gone.
        if this.reach() == Reach::Connected {
            this.sweep(&core);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_to_two_seconds() {
        assert_eq!(
            [1, 2, 40, 1_000].map(pause).map(|pause| pause.as_millis()),
            [50, 100, 2_000, 2_000]
        );
    }
}
