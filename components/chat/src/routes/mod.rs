//! The handlers, one file per resource.

pub mod attachments;
pub mod chats;
pub mod internal;
pub mod members;
pub mod messages;
pub mod notifications;
pub mod people;
pub mod purge;

use nexus_domain::chat::Seeker;
use nexus_kit::Session;

pub fn seeker(session: &Session) -> Seeker {
    Seeker {
        user: session.user(),
        role: session.role(),
        company: session.company(),
    }
}
