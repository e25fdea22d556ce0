//! What relays ask (`nexus_protocol::relay_calls`). Signed; everybody else finds nothing here.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use nexus_domain::chat_feed::{
    Change, ChatHead, ClientPosition, Feed, FeedPosition, Membership, Missed, Newcomer, Notification, Renamed,
    UserNotification,
};
use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::message::{Content, MessageType, TempId, check_attachments};
use nexus_domain::token::{AccessClaims, TokenError, verify_access_token};
use nexus_domain::{Invalid, settings};
use nexus_kit::internal::Signed;
use nexus_kit::{ApiError, ApiResult, App, Code, clock, respond};
use nexus_protocol::relay_calls::{
    After, ChatRequest, ChatSnapshot, ConnectOutcome, FeedRequest, Items, MAX_ITEMS, MessageToSend, PresenceReport,
    ReadMark, ReadOutcome, SendOutcome, UserChats,
};
use nexus_store::chat::message_history::{self, MAX_REPLAYED};
use nexus_store::chat::messages::{self, NewMessage, Sent};
use nexus_store::chat::{chats, people, relay_reads};

/// As much as the sidecar ever sends: [`MAX_ITEMS`] messages of up to 64 KiB.
const MAX_CALL: usize = 40 * 1024 * 1024;

/// A call with its arguments.
type Call<T> = Signed<T, MAX_CALL>;
/// A call for many things at once.
type Calls<T> = Signed<Items<T>, MAX_CALL>;

/// The things of a call, at most [`MAX_ITEMS`].
fn items<T>(Signed(Items { items }): Calls<T>) -> Result<Vec<T>, ApiError> {
    if items.len() > MAX_ITEMS {
        return Err(ApiError::new(Code::PayloadTooLarge, "Too many items at once."));
    }
    Ok(items)
}

fn answer<T: serde::Serialize>(items: Vec<T>) -> Response {
    respond::ok(&Items { items })
}

/// Who is behind each of these access tokens, and in which chats.
pub async fn connect(State(app): State<App>, calls: Calls<String>) -> ApiResult {
    let tokens = items(calls)?;
    let now = clock::now();
    let claims: Vec<_> = tokens
        .iter()
        .map(|token| verify_access_token(app.access_keys(), token, now.as_seconds()))
        .collect();
    let sessions: Vec<_> = claims.iter().flatten().map(|claims| claims.sid).collect();
    let found: HashMap<_, _> = relay_reads::connecting(app.database(), &sessions, now)?
        .into_iter()
        .map(|found| (found.session_id, found))
        .collect();
    let users: Vec<_> = found.values().map(|found| found.user_id).collect();
    let chats = heads_by_user(&app, &users)?;
    let needs_mfa = app.config().get(&settings::MFA_REQUIRED_ROLES)?;
    let judge = |claims: Result<AccessClaims, TokenError>| {
        let claims = match claims {
            Ok(claims) => claims,
            Err(TokenError::Expired) => return refused("INVALID_TOKEN", "The access token has expired. Refresh it."),
            Err(TokenError::Invalid) => return refused("INVALID_TOKEN", "The access token is not valid."),
        };
        let Some(person) = found.get(&claims.sid).filter(|found| found.user_id == claims.sub) else {
            return refused("INVALID_TOKEN", "This session has ended. Sign in again.");
        };
        if person.must_change_password {
            return refused("PASSWORD_CHANGE_REQUIRED", "Change the password you were given first.");
        }
        if !person.mfa_enabled && needs_mfa.contains(&person.role) {
            return refused("UNAUTHORIZED", "Your role needs a second factor. Set one up first.");
        }
        let token_ends = nexus_domain::Timestamp::from_millis(claims.exp.saturating_mul(1_000));
        ConnectOutcome::Accepted {
            user_id: person.user_id,
            session_id: person.session_id,
            expires_at: token_ends.min(person.session_expires_at),
            chats: chats.get(&person.user_id).cloned().unwrap_or_default(),
        }
    };
    Ok(answer(claims.into_iter().map(judge).collect()))
}

fn refused(code: &str, message: &str) -> ConnectOutcome {
    ConnectOutcome::Refused {
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

fn heads_by_user(app: &App, users: &[UserId]) -> Result<HashMap<UserId, Vec<ChatHead>>, ApiError> {
    let mut chats: HashMap<UserId, Vec<ChatHead>> = HashMap::new();
    for (user, head) in relay_reads::chats_of(app.database(), users)? {
        chats.entry(user).or_default().push(wire_head(head));
    }
    Ok(chats)
}

fn wire_head(head: relay_reads::ChatHead) -> ChatHead {
    ChatHead {
        chat_id: head.chat_id,
        last_seq: head.last_seq,
        last_change: head.last_change,
    }
}

/// Stores a batch with one commit. What isn't a message at all is told apart before.
pub async fn send(State(app): State<App>, calls: Calls<MessageToSend>) -> ApiResult {
    let given = items(calls)?;
    let mut outcomes: Vec<Option<SendOutcome>> = Vec::with_capacity(given.len());
    let mut batch = Vec::with_capacity(given.len());
    for sending in given {
        match check(sending) {
            Ok(message) => {
                batch.push(message);
                outcomes.push(None);
            }
            Err(outcome) => outcomes.push(Some(outcome)),
        }
    }
    let mut sent = messages::send(app.database(), batch, clock::now())?
        .into_iter()
        .map(wire_outcome);
    let all = outcomes
        .into_iter()
        .map(|early| {
            early
                .or_else(|| sent.next())
                .ok_or_else(|| ApiError::internal("a message without an outcome"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(answer(all))
}

/// The large error is the other half of what becomes an answer.
#[allow(clippy::result_large_err)]
fn check(sending: MessageToSend) -> Result<NewMessage, SendOutcome> {
    let invalid = |field: &str, invalid: Invalid| SendOutcome::Invalid {
        message: format!("{field} {invalid}"),
    };
    // An id that can't be one names a chat that nobody is in.
    let chat_id = sending.chat_id.parse().map_err(|_| SendOutcome::NotAMember)?;
    let message_type = sending
        .message_type
        .map(MessageType::try_from)
        .transpose()
        .and_then(MessageType::from_person)
        .map_err(|error| invalid("messageType", error))?;
    let temp_id = sending
        .temp_id
        .map(TempId::try_from)
        .transpose()
        .map_err(|error| invalid("tempId", error))?;
    let attachments = sending
        .attachments
        .iter()
        .map(|id| id.parse())
        .collect::<Result<Vec<_>, _>>()
        .and_then(|ids| check_attachments(&ids).map(|()| ids))
        .map_err(|error| invalid("attachments", error))?;
    let content = Content::new(sending.content, !attachments.is_empty()).map_err(|error| invalid("content", error))?;
    Ok(NewMessage {
        id: sending.id,
        chat_id,
        sender_id: sending.sender_id,
        temp_id,
        message_type,
        content,
        attachments,
    })
}

fn wire_outcome(sent: Sent) -> SendOutcome {
    match sent {
        Sent::Stored(placed) => SendOutcome::Stored { placed },
        Sent::Duplicate(first) => SendOutcome::Duplicate {
            temp_id: first.temp_id,
            message_id: first.id,
            chat_id: first.chat_id,
            seq: first.seq,
        },
        Sent::NotAMember => SendOutcome::NotAMember,
        Sent::UnknownAttachment => SendOutcome::Invalid {
            message: "attachments must be your own and not sent before".to_owned(),
        },
    }
}

/// Moves read marks on.
pub async fn read(State(app): State<App>, calls: Calls<ReadMark>) -> ApiResult {
    let readings = items(calls)?;
    let outcomes = readings
        .iter()
        .map(|reading| {
            let marked = chats::mark_read(app.database(), reading.user_id, reading.chat_id, reading.seq)?;
            Ok(match marked {
                Some((seq, true)) => ReadOutcome::Moved { seq },
                Some((_, false)) => ReadOutcome::Unchanged,
                None => ReadOutcome::NotAMember,
            })
        })
        .collect::<Result<Vec<_>, ApiError>>()?;
    Ok(answer(outcomes))
}

/// What connections missed.
pub async fn catch_up(State(app): State<App>, calls: Calls<ClientPosition>) -> ApiResult {
    let behind: Vec<message_history::Behind> = items(calls)?
        .into_iter()
        .map(|b| message_history::Behind {
            chat: b.chat_id,
            user: b.user_id,
            seq: b.seq,
            change: b.change,
        })
        .collect();
    let missed = message_history::catch_up(app.database(), &behind)?
        .into_iter()
        .map(|found| Missed {
            messages: found.messages,
            changed: found.changed,
            gap: found.gap,
            last_seq: found.last_seq,
            last_change: found.last_change,
            later: found.later,
        })
        .collect();
    Ok(answer(missed))
}

/// The next messages of a chat, for a relay that saw a gap.
pub async fn range(State(app): State<App>, Signed(asked): Call<After>) -> ApiResult {
    let limit = u32::try_from(MAX_REPLAYED).unwrap_or(u32::MAX);
    Ok(answer(message_history::range(
        app.database(),
        asked.chat_id,
        asked.after,
        limit,
    )?))
}

/// The next edits and deletions of a chat.
pub async fn changes(State(app): State<App>, Signed(asked): Call<After>) -> ApiResult {
    let limit = u32::try_from(MAX_REPLAYED).unwrap_or(u32::MAX);
    let changes = message_history::changes_after(app.database(), asked.chat_id, asked.after, limit)?
        .into_iter()
        .map(|changed| Change {
            change: changed.change,
            message: changed.message,
        })
        .collect();
    Ok(answer(changes))
}

/// What happened since the relay asked last.
pub async fn feed(State(app): State<App>, Signed(asked): Call<FeedRequest>) -> ApiResult {
    let since = asked.since.map(|since| relay_reads::FeedPosition {
        event: since.event,
        message: since.message,
    });
    let feed = relay_reads::feed(app.database(), since)?;
    Ok(respond::ok(&Feed {
        position: FeedPosition {
            event: feed.position.event,
            message: feed.position.message,
        },
        sessions_ended: feed.sessions_ended,
        users_ended: feed.users_ended,
        memberships: feed.memberships.into_iter().map(wire_membership).collect(),
        renamed: feed.renamed.into_iter().map(wire_renamed).collect(),
        chats: feed.chats.into_iter().map(wire_head).collect(),
        notifications: feed.notifications.into_iter().map(wire_notified).collect(),
        more: feed.more,
    }))
}

fn wire_membership(membership: relay_reads::Membership) -> Membership {
    Membership {
        chat_id: membership.chat_id,
        user_id: membership.user_id,
        is_member: membership.is_member,
    }
}

fn wire_renamed((chat_id, name): (ChatId, Option<String>)) -> Renamed {
    Renamed { chat_id, name }
}

fn wire_notified(written: nexus_store::chat::notifications::Notification) -> UserNotification {
    UserNotification {
        user_id: written.user_id,
        notification: Notification {
            id: written.id,
            kind: written.kind,
            title: written.title,
            body: written.body,
            link: written.link,
            timestamp: written.created_at,
        },
    }
}

/// The chats that these people are in now.
pub async fn chats(State(app): State<App>, calls: Calls<UserId>) -> ApiResult {
    let users = items(calls)?;
    let mut found = heads_by_user(&app, &users)?;
    let all = users
        .into_iter()
        .map(|user_id| UserChats {
            user_id,
            chats: found.remove(&user_id).unwrap_or_default(),
        })
        .collect();
    Ok(answer(all))
}

/// One chat as it is now, for those who weren't told of what became of it.
pub async fn chat(State(app): State<App>, Signed(asked): Call<ChatRequest>) -> ApiResult {
    let unread = chats::unread(app.database(), asked.chat_id)?;
    let Some((member, _)) = unread.first() else {
        return Ok(respond::ok(&None::<ChatSnapshot>));
    };
    let newcomers = relay_reads::newcomers(app.database(), asked.chat_id, &asked.newcomers)?
        .into_iter()
        .map(|came| Newcomer {
            user_id: came.user_id,
            seq: came.seq,
            change: came.change,
        })
        .collect();
    let seen = chats::find(app.database(), asked.chat_id, *member)?.map(|chat| ChatSnapshot {
        chat,
        unread,
        newcomers,
    });
    Ok(respond::ok(&seen))
}

/// A relay says that it lives and who came and went.
pub async fn presence(State(app): State<App>, Signed(report): Call<PresenceReport>) -> ApiResult {
    people::report(
        app.database(),
        &report.node,
        report.lease_until,
        &report.online,
        &report.offline,
        clock::now(),
    )?;
    Ok(respond::no_content())
}
