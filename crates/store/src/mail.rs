//! Mail: the outbox, its delivery, and the state of the provider's key.

pub mod key_check;
pub mod outbox;
pub mod outbox_admin;
pub mod outbox_delivery;
