//! Chats, messages, attachments, notifications, and what relays read.

pub mod attachments;
pub mod chats;
pub mod message_history;
pub mod message_search;
pub mod messages;
pub mod notifications;
pub mod people;
pub mod relay_reads;
