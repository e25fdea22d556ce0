//! Chats: between two people or among many, and who may be asked into one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{ChatId, CompanyId, UserId};
use crate::message::Message;
use crate::status::wire_enum;
use crate::text::{clean_name, leaves_the_line};
use crate::{Invalid, Role, Timestamp};

/// The most members of a group. Events show all of them: with the longest names that stays below the 1 MiB that may be
/// unsent to one client.
pub const MAX_MEMBERS: usize = 2_000;

wire_enum!(
    /// Between two people there is one `DIRECT` chat; of groups there can be many.
    ChatType {
        Direct => "DIRECT",
        Group => "GROUP",
    }
);

/// What a group calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatName(String);

impl ChatName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ChatName {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let name = clean_name(&text);
        if (1..=100).contains(&name.chars().count()) && !name.chars().any(leaves_the_line) {
            Ok(Self(name))
        } else {
            Err(Invalid::new(
                "INVALID",
                "must have 1 to 100 characters and no control characters",
            ))
        }
    }
}

/// One of a chat's people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub user_id: UserId,
    pub name: String,
    pub role: Role,
    pub last_read_seq: i64,
}

/// A chat as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chat {
    pub id: ChatId,
    #[serde(rename = "type")]
    pub kind: ChatType,
    pub name: Option<String>,
    pub members: Vec<Member>,
    /// The `seq` of the last message; 0 when there is none.
    pub last_seq: i64,
    /// Counts edits and deletions, for catching up.
    pub last_change: i64,
    pub last_message: Option<Message>,
    /// Messages of others after one's own `lastReadSeq`.
    pub unread_count: i64,
    pub created_at: Timestamp,
}

/// Both people of a `DIRECT` chat as one text, the same whoever starts.
pub fn direct_key(one: UserId, other: UserId) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    format!("{first}:{second}")
}

/// The user who looks for people to write to.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    pub user: UserId,
    pub role: Role,
    pub company: Option<CompanyId>,
}

/// The rule of `GET /people`: the viewer finds people of the own company only (a SUPER_ADMIN finds anyone). Staff can always be
/// found, residents by other residents only unless they opted out.
pub fn may_write_to(viewer: Viewer, role: Role, company: Option<CompanyId>, discoverable: bool) -> bool {
    if viewer.role == Role::SuperAdmin {
        return true;
    }
    let same_company = viewer.company.is_some() && viewer.company == company;
    same_company && (role.is_staff() || viewer.role.is_staff() || discoverable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> UserId {
        UserId::generate(Timestamp::from_millis(i64::from(byte)), [byte; 10])
    }

    fn company(byte: u8) -> Option<CompanyId> {
        Some(CompanyId::generate(Timestamp::from_millis(1), [byte; 10]))
    }

    #[test]
    fn two_people_have_one_key_whoever_starts() {
        assert_eq!(direct_key(id(1), id(2)), direct_key(id(2), id(1)));
        assert_ne!(direct_key(id(1), id(2)), direct_key(id(1), id(3)));
    }

    #[test]
    fn residents_find_staff_always_and_residents_unless_they_opted_out() {
        let viewer = Viewer {
            user: id(1),
            role: Role::Tenant,
            company: company(1),
        };
        assert!(may_write_to(viewer, Role::Manager, company(1), false));
        assert!(may_write_to(viewer, Role::Student, company(1), true));
        assert!(!may_write_to(viewer, Role::Student, company(1), false));
    }

    #[test]
    fn nobody_but_a_super_admin_finds_people_of_another_company_or_of_none() {
        let admin = Viewer {
            user: id(1),
            role: Role::Admin,
            company: company(1),
        };
        assert!(!may_write_to(admin, Role::Manager, company(2), true));
        assert!(!may_write_to(
            Viewer { company: None, ..admin },
            Role::Manager,
            None,
            true
        ));
        let owner = Viewer {
            role: Role::SuperAdmin,
            company: None,
            ..admin
        };
        assert!(may_write_to(owner, Role::Student, company(2), false));
    }

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(ChatName::try_from("  Block A ".to_owned()).unwrap().as_str(), "Block A");
        assert!(ChatName::try_from(" ".to_owned()).is_err());
        assert!(ChatName::try_from("\u{200b}\u{3164}".to_owned()).is_err());
        assert_eq!(
            ChatName::try_from("Block\u{202e} A\u{feff}".to_owned())
                .unwrap()
                .as_str(),
            "Block A"
        );
        assert!(ChatName::try_from("x".repeat(101)).is_err());
    }
}
