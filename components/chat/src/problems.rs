//! What went wrong, in the contract's codes.

use nexus_domain::Invalid;
use nexus_kit::{Code, FieldError, Problem};
use nexus_store::chat::chats::ChatError;
use nexus_store::chat::messages::ChangeError;

pub fn of_chat(error: ChatError) -> Problem {
    match error {
        ChatError::NotFound | ChatError::UnknownPerson => Problem::not_found(),
        ChatError::IsDirect => Problem::new(
            Code::InvalidTransition,
            "A chat between two people has no name, and nobody joins or leaves it.",
        ),
        ChatError::NotAllowed => Problem::new(Code::Forbidden, "Only who made the group, or staff, may do this."),
        ChatError::TooManyMembers => {
            let most = nexus_domain::chat::MOST_MEMBERS;
            Problem::field(
                "userIds",
                Invalid::new("TOO_MANY", format!("a group has at most {most} members")),
            )
        }
        ChatError::Changed => changed(),
        ChatError::Store(error) => error.into(),
    }
}

/// [`of_chat`] for a body whose `field` names people.
pub fn naming(field: &str, error: ChatError) -> Problem {
    match error {
        ChatError::UnknownPerson => Problem::not_found_in(field),
        error => of_chat(error),
    }
}

pub fn of_change(error: ChangeError) -> Problem {
    match error {
        ChangeError::NotFound => Problem::not_found(),
        ChangeError::NotOwn => Problem::new(Code::Forbidden, "This message is somebody else's."),
        ChangeError::Deleted => Problem::new(Code::InvalidTransition, "This message was deleted."),
        ChangeError::Changed => changed(),
        ChangeError::Content(invalid) => Problem::field("content", invalid),
        ChangeError::Store(error) => error.into(),
    }
}

fn changed() -> Problem {
    Problem::new(
        Code::PreconditionFailed,
        "This changed since you read it. Read it again and repeat your change.",
    )
}

/// Ids of a list, or a problem that names each one that isn't one.
pub fn parse_ids<T>(field: &str, texts: Vec<String>) -> Result<Vec<T>, Problem>
where
    T: TryFrom<String, Error = Invalid>,
{
    let mut ids = Vec::with_capacity(texts.len());
    let mut errors = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        match T::try_from(text) {
            Ok(id) => ids.push(id),
            Err(invalid) => errors.push(FieldError::new(format!("{field}[{index}]"), invalid)),
        }
    }
    if errors.is_empty() {
        Ok(ids)
    } else {
        Err(Problem::invalid(errors))
    }
}
