//! What somebody may ask for when they register themselves.

use std::str::FromStr;

use utoipa::ToSchema;

use crate::field_types::deserialize_text;
use crate::{Invalid, Role};

/// A role that needs nobody's grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ResidentRole {
    Student,
    Tenant,
}

deserialize_text!(ResidentRole);

impl FromStr for ResidentRole {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse::<Role>()? {
            Role::Student => Ok(Self::Student),
            Role::Tenant => Ok(Self::Tenant),
            Role::Manager | Role::Admin | Role::SuperAdmin => Err(Invalid::new(
                "ROLE_NOT_ALLOWED",
                "is granted by an admin; register as STUDENT or TENANT",
            )),
        }
    }
}

impl From<ResidentRole> for Role {
    fn from(role: ResidentRole) -> Self {
        match role {
            ResidentRole::Student => Role::Student,
            ResidentRole::Tenant => Role::Tenant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_asked_for_is_what_can_be_registered() {
        for role in Role::ALL {
            assert_eq!(
                role.as_str().parse::<ResidentRole>().is_ok(),
                role.can_self_register(),
                "{role}"
            );
        }
    }
}
