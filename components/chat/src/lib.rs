//! Chats: who talks with whom, what was said, and what relays need to know of it.

mod events;
mod pace;
mod paging;
mod problems;
mod routes;

use axum::routing::post;
use nexus_kit::{App, listing};
use nexus_protocol::relay_calls;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::routes::{attachments, chats, internal, members, messages, notifications, people, purge, search};

pub fn routes() -> OpenApiRouter<App> {
    let mut router = operations();
    let api = router.get_openapi_mut();
    listing::document_sorts(api, "/chats", chats::SORTS, chats::DEFAULT_SORT);
    listing::document_sorts(api, "/people", people::SORTS, people::DEFAULT_SORT);
    for path in ["/notifications", "/messages/search"] {
        listing::document_sorts(api, path, &["createdAt"], "-createdAt");
    }
    router
}

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(chats::list_chats, chats::create_chat))
        .routes(routes!(chats::get_chat, chats::update_chat))
        .routes(routes!(members::add_members))
        .routes(routes!(members::remove_member))
        .routes(routes!(messages::list_messages, messages::create_message))
        .routes(routes!(messages::update_message, messages::delete_message))
        .routes(routes!(messages::mark_read))
        .routes(routes!(search::search_messages))
        .routes(routes!(attachments::create_attachment))
        .routes(routes!(attachments::get_attachment))
        .routes(routes!(people::list_people))
        .routes(routes!(people::get_presence))
        .routes(routes!(notifications::list_notifications))
        .routes(routes!(notifications::mark_notifications_read))
        .merge(nexus_kit::internal::routes([
            (relay_calls::CONNECT, post(internal::connect)),
            (relay_calls::SEND, post(internal::send)),
            (relay_calls::READ, post(internal::read)),
            (relay_calls::CATCH_UP, post(internal::catch_up)),
            (relay_calls::RANGE, post(internal::range)),
            (relay_calls::CHANGES, post(internal::changes)),
            (relay_calls::FEED, post(internal::feed)),
            (relay_calls::CHATS, post(internal::chats)),
            (relay_calls::CHAT, post(internal::chat)),
            (relay_calls::PRESENCE, post(internal::presence)),
            (relay_calls::PURGE, post(purge::purge)),
        ]))
}

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: spin_sdk::http::Request) -> impl spin_sdk::http::IntoResponse {
    nexus_kit::entry::serve(request, routes).await
}

#[cfg(test)]
mod tests;
