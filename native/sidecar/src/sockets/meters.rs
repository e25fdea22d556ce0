//! What the hub counts, for the sidecar's `/metrics`.

use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

pub struct Meters {
    registry: Registry,
    pub connections: IntGaugeVec,
    pub people: IntGauge,
    pub rooms: IntGauge,
    pub events_in: IntCounterVec,
    pub deliveries: IntCounterVec,
    pub messages: IntCounterVec,
    pub batch_size: Histogram,
    pub commit_seconds: Histogram,
    pub queue_depth: IntGauge,
    pub dropped: IntCounterVec,
    pub gaps_filled: IntCounter,
    pub redis_connected: IntGauge,
    pub nodes: IntGauge,
    pub casts_lost: IntCounter,
    pub asking: IntGaugeVec,
}

/// Under which name acknowledgements of Socket.IO count among the deliveries: they carry no event's name.
pub const ACKNOWLEDGEMENT: &str = "acknowledgement";

/// What clients may say; anything else shares one label.
pub const KNOWN_EVENTS: [&str; 7] = [
    "NEW_MESSAGE",
    "TYPING_START",
    "TYPING_STOP",
    "MESSAGE_READ",
    "HEALTH_CHECK",
    "REAUTH",
    "AUTH",
];

impl Meters {
    pub fn new() -> Result<Self, prometheus::Error> {
        let meters = Self {
            registry: Registry::new(),
            connections: IntGaugeVec::new(
                Opts::new("relay_connections", "Open connections, by protocol."),
                &["protocol"],
            )?,
            people: IntGauge::new("relay_users_connected", "People with a connection to this node.")?,
            rooms: IntGauge::new("relay_rooms", "Chats with somebody connected to this node.")?,
            events_in: IntCounterVec::new(
                Opts::new("relay_events_received_total", "Events from clients, by kind."),
                &["event"],
            )?,
            deliveries: IntCounterVec::new(
                Opts::new(
                    "relay_events_delivered_total",
                    "Frames handed to connections, by event.",
                ),
                &["event"],
            )?,
            messages: IntCounterVec::new(
                Opts::new("relay_messages_total", "Messages, by what became of them."),
                &["outcome"],
            )?,
            batch_size: Histogram::with_opts(
                HistogramOpts::new("relay_batch_messages", "Messages stored with one commit.")
                    .buckets(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]),
            )?,
            commit_seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "relay_commit_seconds",
                    "Time from handing a batch over until it was committed.",
                )
                .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]),
            )?,
            queue_depth: IntGauge::new("relay_queue_messages", "Messages waiting for the next batch.")?,
            dropped: IntCounterVec::new(
                Opts::new("relay_dropped_total", "Connections ended by the relay, by reason."),
                &["reason"],
            )?,
            gaps_filled: IntCounter::new(
                "relay_gaps_filled_total",
                "Times a room took missing messages from the store.",
            )?,
            nodes: IntGauge::new("relay_other_nodes", "Other nodes that are alive.")?,
            casts_lost: IntCounter::new(
                "relay_casts_lost_total",
                "Things that other nodes weren't told because Redis was away for too long.",
            )?,
            asking: IntGaugeVec::new(
                Opts::new(
                    "relay_queue_questions",
                    "Questions waiting for the components, by kind.",
                ),
                &["kind"],
            )?,
            redis_connected: IntGauge::new(
                "relay_redis_connected",
                "Whether Redis can be reached; 0 also without one.",
            )?,
        };
        meters.register()?;
        Ok(meters)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let registry = &self.registry;
        registry.register(Box::new(self.connections.clone()))?;
        registry.register(Box::new(self.people.clone()))?;
        registry.register(Box::new(self.rooms.clone()))?;
        registry.register(Box::new(self.events_in.clone()))?;
        registry.register(Box::new(self.deliveries.clone()))?;
        registry.register(Box::new(self.messages.clone()))?;
        registry.register(Box::new(self.batch_size.clone()))?;
        registry.register(Box::new(self.commit_seconds.clone()))?;
        registry.register(Box::new(self.queue_depth.clone()))?;
        registry.register(Box::new(self.dropped.clone()))?;
        registry.register(Box::new(self.gaps_filled.clone()))?;
        registry.register(Box::new(self.redis_connected.clone()))?;
        registry.register(Box::new(self.nodes.clone()))?;
        registry.register(Box::new(self.casts_lost.clone()))?;
        registry.register(Box::new(self.asking.clone()))?;
        // Every name from the start, 0 where nothing happened.
        for protocol in ["socketio", "websocket"] {
            self.connections.with_label_values(&[protocol]);
        }
        for event in KNOWN_EVENTS {
            self.events_in.with_label_values(&[event]);
        }
        for event in ["NEW_MESSAGE", ACKNOWLEDGEMENT] {
            self.deliveries.with_label_values(&[event]);
        }
        for outcome in ["stored", "duplicate", "refused", "limited", "failed"] {
            self.messages.with_label_values(&[outcome]);
        }
        for reason in ["slow", "DUPLICATE", "INACTIVE", "REVOKED", "TOKEN_EXPIRED", "SHUTDOWN"] {
            self.dropped.with_label_values(&[reason]);
        }
        Ok(())
    }

    pub fn heard(&self, event: &str) {
        let label = if KNOWN_EVENTS.contains(&event) { event } else { "other" };
        self.events_in.with_label_values(&[label]).inc();
    }

    pub fn message(&self, outcome: &str) {
        self.messages.with_label_values(&[outcome]).inc();
    }

    pub fn batch(&self, messages: usize, took: Duration) {
        #[allow(clippy::cast_precision_loss)]
        self.batch_size.observe(messages as f64);
        self.commit_seconds.observe(took.as_secs_f64());
    }

    pub fn text(&self) -> String {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8(text).unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "the relay's metrics can't be written");
                String::new()
            }
        }
    }
}
