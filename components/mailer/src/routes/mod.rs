pub mod internal;
pub mod mailbox;
pub mod outbox;
pub mod webhook;
