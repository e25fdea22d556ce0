//! Where events stand in their chats, and how far somebody was brought.

use nexus_domain::ids::ChatId;

/// Where an event stands in its chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A new message, by its `seq`.
    Message(ChatId, i64),
    /// An edit or a deletion, by the chat's `lastChange` that it made.
    Change(ChatId, i64),
}

/// How far a connection was brought in a chat: what its room says up to there is a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    pub seq: i64,
    pub change: i64,
}

impl Reached {
    pub fn includes(self, place: Place) -> bool {
        match place {
            Place::Message(_, seq) => seq <= self.seq,
            Place::Change(_, change) => change <= self.change,
        }
    }
}

impl Place {
    pub fn chat(self) -> ChatId {
        match self {
            Self::Message(chat, _) | Self::Change(chat, _) => chat,
        }
    }
}
