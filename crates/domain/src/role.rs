//! Who may do what, in order of power.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Invalid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    Student,
    Tenant,
    Manager,
    Admin,
    SuperAdmin,
}

impl Role {
    pub const ALL: [Role; 5] = [
        Role::Student,
        Role::Tenant,
        Role::Manager,
        Role::Admin,
        Role::SuperAdmin,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Student => "STUDENT",
            Role::Tenant => "TENANT",
            Role::Manager => "MANAGER",
            Role::Admin => "ADMIN",
            Role::SuperAdmin => "SUPER_ADMIN",
        }
    }

    /// Residents are equals: neither of the two outranks the other.
    const fn rank(self) -> u8 {
        match self {
            Role::Student | Role::Tenant => 0,
            Role::Manager => 1,
            Role::Admin => 2,
            Role::SuperAdmin => 3,
        }
    }

    pub const fn at_least(self, other: Role) -> bool {
        self.rank() >= other.rank()
    }

    pub const fn is_resident(self) -> bool {
        self.rank() == 0
    }

    pub const fn is_staff(self) -> bool {
        !self.is_resident()
    }

    /// Everything above a resident is granted by an admin, never asked for at registration.
    pub const fn can_self_register(self) -> bool {
        self.is_resident()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            Invalid::new(
                "UNKNOWN_ROLE",
                "must be one of STUDENT, TENANT, MANAGER, ADMIN, SUPER_ADMIN",
            )
        })
    }
}

impl TryFrom<String> for Role {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_residents_can_register_themselves() {
        let open: Vec<_> = Role::ALL.into_iter().filter(|role| role.can_self_register()).collect();
        assert_eq!(open, [Role::Student, Role::Tenant]);
    }

    #[test]
    fn power_grows_from_resident_to_super_admin() {
        assert!(Role::SuperAdmin.at_least(Role::Admin));
        assert!(Role::Admin.at_least(Role::Manager));
        assert!(!Role::Manager.at_least(Role::Admin));
        assert!(Role::Student.at_least(Role::Tenant) && Role::Tenant.at_least(Role::Student));
    }

    #[test]
    fn a_role_reads_back_from_its_name_only() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("admin".parse::<Role>().is_err());
    }
}
