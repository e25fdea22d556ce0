//! The realtime hub: Socket.IO and plain WebSockets, one behaviour (spec: realtime contract).
//!
//! A client's frame becomes an event (`socket_io`, `plain`), the event is done (`events/`), and what follows from it
//! reaches rooms (`rooms`, `order`). Nothing durable is decided here: the `chat` component stores, judges and
//! remembers, and is asked in batches (`batch`, `calls`).

mod batch;
mod calls;
mod client_event;
mod connection;
mod deadlines;
mod door;
mod entrance;
mod event_limits;
mod events;
mod fill;
mod flow;
mod frame;
mod hub;
mod late;
mod meters;
mod neighbours;
mod order;
mod people;
mod place;
mod plain;
mod presence;
mod recent;
mod redis;
mod room;
mod rooms;
mod socket_io;
mod typing;
mod watch;
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_domain::ids::UserId;
use nexus_domain::settings::{
    CONNECTIONS_PER_USER, FRONTEND_URL, INACTIVITY, MESSAGE_RATE, REDIS_HOST, REDIS_PASSWORD, REDIS_PORT, REDIS_URL,
    Rate, SettingError, Settings, WebOrigin,
};
use nexus_protocol::relay::RelayEvent;
use tokio::sync::mpsc;

use self::calls::Calls;
use self::frame::Farewell;
use self::hub::{Core, Limits, Parts};
use self::meters::Meters;
use self::neighbours::{Alone, Neighbours, Pace};
use self::redis::OverRedis;
use crate::backend::Backend;
use crate::signature::{InternalClient, Signer};

/// What a frame may weigh, either way in.
const MOST_FRAME: usize = 64 * 1024;
/// Over how long the goodbyes of a stopping server are spread, so that not everybody comes back at once.
const DRAIN: Duration = Duration::from_secs(4);
/// How long what clients are just saying may take to come in and be stored before they are sent away.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// How long messages that are being stored get at the end.
const LAST_BATCH: Duration = Duration::from_secs(5);

pub struct SocketsConfig {
    signer: Signer,
    origins: Vec<WebOrigin>,
    connections_per_user: usize,
    message_rate: Rate,
    inactivity: Duration,
    redis: Option<::redis::Client>,
}

impl SocketsConfig {
    pub fn read(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self {
            signer: Signer::read(settings)?,
            origins: settings.get(&FRONTEND_URL)?,
            connections_per_user: usize::try_from(settings.get(&CONNECTIONS_PER_USER)?).unwrap_or(usize::MAX),
            message_rate: settings.get(&MESSAGE_RATE)?,
            inactivity: settings.get(&INACTIVITY)?,
            redis: redis_client(settings)?,
        })
    }
}

/// By `REDIS_URL`, or by the other Redis settings; none: this node is alone. Whether it is there is seen later.
fn redis_client(settings: &Settings) -> Result<Option<::redis::Client>, SettingError> {
    if let Some(url) = settings.get(&REDIS_URL)? {
        return opened(url, |problem| REDIS_URL.error(problem));
    }
    let Some(host) = settings.get(&REDIS_HOST)? else {
        return Ok(None);
    };
    let port = settings.get(&REDIS_PORT)?;
    let login = settings.get(&REDIS_PASSWORD)?.map_or_else(String::new, |password| {
        let password = percent_encoding::percent_encode(password.as_bytes(), percent_encoding::NON_ALPHANUMERIC);
        format!(":{password}@")
    });
    let url = format!("redis://{login}{host}:{port}");
    opened(url, |problem| REDIS_HOST.error(problem))
}

fn opened(url: String, wrong: impl FnOnce(String) -> SettingError) -> Result<Option<::redis::Client>, SettingError> {
    let client = ::redis::Client::open(url).map_err(|error| wrong(format!("can't be used: {error}")))?;
    Ok(Some(client))
}

#[derive(Clone)]
pub struct Hub(Arc<Core>);

impl Hub {
    /// Starts the hub's tasks; call it within the runtime.
    pub fn new(config: SocketsConfig, backend: Arc<dyn Backend>) -> Self {
        let calls = Calls::new(InternalClient::new(backend, config.signer));
        let (letters, waiting) = mpsc::channel(batch::MOST_WAITING);
        let node = uuid::Uuid::now_v7().to_string();
        let over_redis = config
            .redis
            .map(|client| OverRedis::new(client, node.clone(), config.message_rate));
        let neighbours: Arc<dyn Neighbours> = match &over_redis {
            Some((over_redis, _)) => Arc::clone(over_redis) as Arc<dyn Neighbours>,
            None => Arc::new(Alone),
        };
        // Names and buckets are constants, and a registry of its own has no others.
        #[allow(clippy::expect_used)]
        let meters = Meters::new().expect("the hub's metrics have different names");
        let core = Arc::new(Core::new(Parts {
            limits: Limits {
                connections_per_user: config.connections_per_user,
                inactivity: config.inactivity,
                origins: config.origins,
            },
            node,
            calls,
            pace: Pace::new(config.message_rate),
            neighbours,
            meters,
            letters,
        }));
        if let Some((over_redis, pending)) = over_redis {
            over_redis.start(&core, pending);
        }
        tokio::spawn(batch::run(Arc::clone(&core), waiting));
        tokio::spawn(watch::sweep(Arc::clone(&core)));
        tokio::spawn(watch::feed(Arc::clone(&core)));
        tokio::spawn(presence::report(Arc::clone(&core)));
        Self(core)
    }

    /// `/socket.io/` and `/ws`.
    pub fn router(&self) -> axum::Router {
        door::router(&self.0)
    }

    /// What components tell.
    #[allow(clippy::unused_async)] // the seam is async: with Redis it waits for its turn
    pub async fn deliver(&self, events: Vec<RelayEvent>) {
        self.0.deliver(events);
    }

    /// Counts a message that somebody sends by REST with those that they send by sockets, here and elsewhere; or says how
    /// long they must wait.
    pub async fn admit_message(&self, user: UserId) -> Result<(), Duration> {
        let counted = async {
            self.0.pace.count(user, Instant::now())?;
            let verdicts = self.0.neighbours.admit(vec![user]).await;
            verdicts.into_iter().next().unwrap_or(Ok(()))
        };
        counted.await.inspect_err(|_| self.0.meters.message("limited"))
    }

    /// Sends everybody away and stores what is still under way.
    pub async fn drain(&self) {
        self.0.start_draining();
        // What was said before the end is heard and acknowledged first, as far as it doesn't keep coming.
        tokio::time::sleep(LAST_WORDS).await;
        let _ = tokio::time::timeout(LAST_WORDS, self.0.letters_settled()).await;
        let everybody = self.0.rooms.all_where(|_| true);
        let pause = DRAIN / u32::try_from(everybody.len().max(40)).unwrap_or(u32::MAX);
        for connection in everybody {
            self.0.dismiss(&connection, Farewell::Shutdown);
            tokio::time::sleep(pause).await;
        }
        if tokio::time::timeout(LAST_BATCH, self.0.letters_settled())
            .await
            .is_err()
        {
            tracing::error!("some messages were not stored; their senders were not told that they were");
        }
        presence::leave(&self.0).await;
        self.0.neighbours.leave().await;
    }

    /// As `HEALTH_RESPONSE` says it.
    pub fn redis_status(&self) -> &'static str {
        self.0.neighbours.reach().as_str()
    }

    pub fn metrics_text(&self) -> String {
        self.0.meters.text()
    }
}
