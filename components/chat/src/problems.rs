//! What went wrong, in the contract's codes.

use nexus_domain::Invalid;
use nexus_kit::{ApiError, Code, FieldError};
use nexus_store::chat::chats::ChatError;
use nexus_store::chat::messages::ChangeError;

pub fn of_chat(error: ChatError) -> ApiError {
    match error {
        ChatError::NotFound | ChatError::UnknownPerson => ApiError::not_found(),
        ChatError::IsDirect => ApiError::new(
            Code::InvalidTransition,
            "A chat between two people has no name, and nobody joins or leaves it.",
        ),
        ChatError::NotAllowed => ApiError::new(Code::Forbidden, "Only who made the group, or staff, may do this."),
        ChatError::TooManyMembers => {
            let most = nexus_domain::chat::MAX_MEMBERS;
            ApiError::field(
                "userIds",
                Invalid::new("TOO_MANY", format!("a group has at most {most} members")),
            )
        }
        ChatError::Changed => changed(),
        ChatError::Store(error) => error.into(),
    }
}

/// [`of_chat`] for a body whose `field` names people.
pub fn naming(field: &str, error: ChatError) -> ApiError {
    match error {
        ChatError::UnknownPerson => ApiError::not_found_in(field),
        error => of_chat(error),
    }
}

pub fn of_change(error: ChangeError) -> ApiError {
    match error {
        ChangeError::NotFound => ApiError::not_found(),
        ChangeError::NotOwn => ApiError::new(Code::Forbidden, "This message is somebody else's."),
        ChangeError::Deleted => ApiError::new(Code::InvalidTransition, "This message was deleted."),
        ChangeError::Changed => changed(),
        ChangeError::Content(invalid) => ApiError::field("content", invalid),
        ChangeError::Store(error) => error.into(),
    }
}

fn changed() -> ApiError {
    ApiError::new(
        Code::PreconditionFailed,
        "This changed since you read it. Read it again and repeat your change.",
    )
}

/// Ids of a list, or a problem that names each one that isn't one.
pub fn parse_ids<T>(field: &str, texts: Vec<String>) -> Result<Vec<T>, ApiError>
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
        Err(ApiError::invalid(errors))
    }
}
