//! The names of the events that clients receive.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! event_names {
    ($($variant:ident => $wire:literal),+ $(,)?) => {
        /// An event that a server sends to clients. It travels as its wire name, for example `NEW_MESSAGE`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum EventName {
            $(#[serde(rename = $wire)] $variant),+
        }

        impl EventName {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire),+ }
            }
        }
    };
}

event_names! {
    ChatCreated => "CHAT_CREATED",
    ChatUpdated => "CHAT_UPDATED",
    Connected => "CONNECTED",
    Error => "ERROR",
    ForceDisconnect => "FORCE_DISCONNECT",
    HealthResponse => "HEALTH_RESPONSE",
    HistoryGap => "HISTORY_GAP",
    MemberAdded => "MEMBER_ADDED",
    MemberRemoved => "MEMBER_REMOVED",
    MessageDeleted => "MESSAGE_DELETED",
    MessageDuplicate => "MESSAGE_DUPLICATE",
    MessageRead => "MESSAGE_READ",
    MessageSent => "MESSAGE_SENT",
    MessageUpdated => "MESSAGE_UPDATED",
    NewMessage => "NEW_MESSAGE",
    Notification => "NOTIFICATION",
    Reauthenticated => "REAUTHENTICATED",
    UserOffline => "USER_OFFLINE",
    UserOnline => "USER_ONLINE",
    UserStoppedTyping => "USER_STOPPED_TYPING",
    UserTyping => "USER_TYPING",
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
