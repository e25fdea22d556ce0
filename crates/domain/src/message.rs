//! Messages: what one may say, and how a message looks wherever it is shown.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{AttachmentId, ChatId, MessageId, UserId};
use crate::status::wire_enum;
use crate::text::{has_visible, without_overrides};
use crate::{Invalid, Timestamp};

/// The most characters of a message, after trimming.
pub const MAX_CHARACTERS: usize = 4_000;
/// The most white space around it.
const MAX_WHITE_SPACE: usize = 1_000;
/// The most attachments of one message.
pub const MAX_ATTACHMENTS: usize = 10;

wire_enum!(
    /// What a message is. `SYSTEM` ones come from the product itself.
    MessageType {
        Text => "TEXT",
        Image => "IMAGE",
        File => "FILE",
        System => "SYSTEM",
    }
);

impl MessageType {
    /// The type of a message that a person sends.
    pub fn from_person(given: Option<Self>) -> Result<Self, Invalid> {
        match given.unwrap_or(Self::Text) {
            Self::System => Err(Invalid::new("UNKNOWN_VALUE", "must be one of TEXT IMAGE FILE")),
            allowed => Ok(allowed),
        }
    }
}

/// A message's attachments: not too many, and none twice.
pub fn check_attachments(ids: &[AttachmentId]) -> Result<(), Invalid> {
    if ids.len() > MAX_ATTACHMENTS {
        return Err(Invalid::new(
            "TOO_MANY",
            format!("must name at most {MAX_ATTACHMENTS} files"),
        ));
    }
    match ids.iter().enumerate().find(|(place, id)| ids[..*place].contains(id)) {
        Some(_) => Err(Invalid::new("DUPLICATE", "must not name an attachment twice")),
        None => Ok(()),
    }
}

/// The text of a message, kept as it was written but for what would turn its direction; its length is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    /// Only attachments may stand without a word.
    pub fn new(text: String, has_attachments: bool) -> Result<Self, Invalid> {
        let text = match without_overrides(&text) {
            Cow::Owned(changed) => changed,
            Cow::Borrowed(_) => text,
        };
        let length = text.trim().chars().count();
        if !has_visible(&text) && !has_attachments {
            return Err(Invalid::new("REQUIRED", "must not be empty"));
        }
        if length > MAX_CHARACTERS {
            return Err(Invalid::new(
                "TOO_LONG",
                format!("must have at most {MAX_CHARACTERS} characters"),
            ));
        }
        // SQLite's text functions and some clients end a string at NUL; nobody types one.
        if text.contains('\0') {
            return Err(Invalid::new("INVALID", "must not contain the character U+0000"));
        }
        // What is trimmed away counts against nothing, so it must be bounded by itself.
        if text.chars().count() > MAX_CHARACTERS + MAX_WHITE_SPACE {
            return Err(Invalid::new("TOO_LONG", "has too much white space around it"));
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// The sender's own name for a message: sending it again under the same name stores nothing again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct TempId(String);

impl TempId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TempId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let length = text.chars().count();
        if (1..=128).contains(&length) && !text.chars().any(char::is_control) {
            Ok(Self(text))
        } else {
            Err(Invalid::new(
                "INVALID",
                "must have 1 to 128 characters and no control characters",
            ))
        }
    }
}

/// An attachment as messages show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    pub id: AttachmentId,
    pub file_name: String,
    pub content_type: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, required = false)]
    pub width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, required = false)]
    pub height: Option<u32>,
}

/// A message, the same in answers and in events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub id: MessageId,
    pub chat_id: ChatId,
    /// 1, 2, 3 … in its chat.
    pub seq: i64,
    pub sender_id: UserId,
    pub content: String,
    pub message_type: MessageType,
    pub attachments: Vec<Attachment>,
    pub temp_id: Option<TempId>,
    pub created_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
}

/// A stored message and its place among the edits and deletions of its chat.
///
/// Relays say a message after the changes that were made before it. So whoever has seen a message has seen those too,
/// and `lastSeq` alone tells what somebody missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placed {
    pub message: Message,
    /// The chat's `lastChange` when the message was stored.
    pub changes_before: i64,
}

/// A message as an event carries it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageEvent {
    #[serde(flatten)]
    pub message: Message,
    pub timestamp: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str, has_attachments: bool) -> Result<(), &'static str> {
        Content::new(text.into(), has_attachments).map(drop).map_err(|e| e.code)
    }

    #[test]
    fn white_space_alone_is_nothing_said() {
        assert_eq!(code(" \n\t ", false), Err("REQUIRED"));
        assert_eq!(code("", true), Ok(()));
    }

    #[test]
    fn length_counts_characters_after_trimming() {
        assert_eq!(code(&"ä".repeat(4_000), false), Ok(()));
        assert_eq!(code(&format!("  {}  ", "😀".repeat(4_000)), false), Ok(()));
        assert_eq!(code(&"a".repeat(4_001), false), Err("TOO_LONG"));
        assert_eq!(code(&format!("a{}a", " ".repeat(40_000)), false), Err("TOO_LONG"));
    }

    #[test]
    fn what_was_written_is_kept_as_it_was_written() {
        assert_eq!(
            Content::new("a\u{202e}b\u{200b}\u{200f}c\u{2067}d".into(), false)
                .unwrap()
                .as_str(),
            "ab\u{200b}\u{200f}cd"
        );
        assert!(Content::new("\u{200b}\u{3164}".into(), false).is_err());
        assert_eq!(
            Content::new("  <b>hi</b>\n".into(), false).unwrap().as_str(),
            "  <b>hi</b>\n"
        );
    }

    #[test]
    fn a_message_has_up_to_ten_attachments_and_each_once() {
        let id = |number: u8| AttachmentId::generate(Timestamp::from_millis(1), [number; 10]);
        let code = |ids: &[AttachmentId]| check_attachments(ids).map_err(|invalid| invalid.code);
        let ten: Vec<_> = (1..=10).map(id).collect();
        assert_eq!(code(&ten), Ok(()));
        assert_eq!(code(&[ten.as_slice(), &[id(11)]].concat()), Err("TOO_MANY"));
        assert_eq!(code(&[id(1), id(2), id(1)]), Err("DUPLICATE"));
    }

    #[test]
    fn people_do_not_send_system_messages() {
        assert!(MessageType::from_person(Some(MessageType::System)).is_err());
        assert_eq!(MessageType::from_person(None), Ok(MessageType::Text));
    }

    #[test]
    fn a_temp_id_is_short_and_printable() {
        assert!(TempId::try_from(String::new()).is_err());
        assert!(TempId::try_from("a\u{0}".to_owned()).is_err());
        assert!(TempId::try_from("x".repeat(128)).is_ok());
        assert!(TempId::try_from("x".repeat(129)).is_err());
    }
}
