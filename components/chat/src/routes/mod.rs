//! The handlers, one file per resource.

pub mod attachments;
pub mod chats;
pub mod internal;
pub mod members;
pub mod messages;
pub mod notifications;
pub mod people;
pub mod purge;
pub mod search;

use nexus_domain::chat::Viewer;
use nexus_domain::ids::ChatId;
use nexus_kit::{ApiError, App, Json, Query, Session};
use nexus_store::chat::chats as store;

/// What the body or the query says, or what is wrong with it: not one's chat is 404 before that is told.
pub type Body<T> = Result<Json<T>, ApiError>;
pub type ListQuery<T> = Result<Query<T>, ApiError>;

pub fn require_member(app: &App, session: &Session, chat: ChatId) -> Result<(), ApiError> {
    if store::is_member(app.database(), chat, session.user())? {
        Ok(())
    } else {
        Err(ApiError::not_found())
    }
}

pub fn viewer(session: &Session) -> Viewer {
    Viewer {
        user: session.user(),
        role: session.role(),
        company: session.company(),
    }
}
