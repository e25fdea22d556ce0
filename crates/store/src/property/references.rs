//! What refers to a row: a refusal to remove it says so.

use nexus_domain::ids::CompanyId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Database, StoreError, params};

/// So many things of one kind refer to a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reference {
    /// As in the address of their list.
    pub resource: &'static str,
    pub count: i64,
}

/// The kind of the thing referred to, then for each foreign key that leads there who has it and how they are counted:
/// `?1` the company, `?2` the thing. Indexes: `…_by_company`, and those of the foreign keys.
const COUNTS: &[(&str, &[(&str, &str)])] = &[
    (
        "company",
        &[
            ("users", "SELECT count(*) FROM users WHERE company_id = ?1 AND ?1 = ?2"),
            (
                "verifications",
                "SELECT count(*) FROM verification_cases WHERE company_id = ?1 AND ?1 = ?2",
            ),
            ("mail", "SELECT count(*) FROM outbox WHERE company_id = ?1 AND ?1 = ?2"),
            (
                "compounds",
                "SELECT count(*) FROM compounds WHERE company_id = ?1 AND ?1 = ?2",
            ),
            (
                "apartments",
                "SELECT count(*) FROM apartments WHERE company_id = ?1 AND ?1 = ?2",
            ),
            (
                "tenants",
                "SELECT count(*) FROM tenants WHERE company_id = ?1 AND ?1 = ?2",
            ),
            (
                "occupancies",
                "SELECT count(*) FROM occupancies WHERE company_id = ?1 AND ?1 = ?2",
            ),
            (
                "invoices",
                "SELECT count(*) FROM invoices WHERE company_id = ?1 AND ?1 = ?2",
            ),
            (
                "payments",
                "SELECT count(*) FROM payments WHERE company_id = ?1 AND ?1 = ?2",
            ),
            (
                "maintenance-requests",
                "SELECT count(*) FROM maintenance_requests WHERE company_id = ?1 AND ?1 = ?2",
            ),
        ],
    ),
    (
        "compound",
        &[(
            "apartments",
            "SELECT count(*) FROM apartments WHERE company_id = ?1 AND compound_id = ?2",
        )],
    ),
    (
        "apartment",
        &[
            (
                "occupancies",
                "SELECT count(*) FROM occupancies WHERE company_id = ?1 AND apartment_id = ?2",
            ),
            (
                "maintenance-requests",
                "SELECT count(*) FROM maintenance_requests WHERE company_id = ?1 AND apartment_id = ?2",
            ),
        ],
    ),
    (
        "tenant",
        &[
            (
                "occupancies",
                "SELECT count(*) FROM occupancies WHERE company_id = ?1 AND tenant_id = ?2",
            ),
            (
                "invoices",
                "SELECT count(*) FROM invoices WHERE company_id = ?1 AND tenant_id = ?2",
            ),
        ],
    ),
    (
        "occupancy",
        &[
            (
                "invoices",
                "SELECT count(*) FROM invoices WHERE company_id = ?1 AND occupancy_id = ?2",
            ),
            (
                "deposit",
                "SELECT count(*) FROM deposit_entries WHERE company_id = ?1 AND occupancy_id = ?2",
            ),
        ],
    ),
    (
        "invoice",
        &[(
            "payments",
            "SELECT count(*) FROM payments WHERE company_id = ?1 AND invoice_id = ?2",
        )],
    ),
];

/// What refers to a thing of this kind; empty for a kind that nothing refers to.
pub fn to(database: &Database, kind: &str, company: CompanyId, id: &str) -> Result<Vec<Reference>, StoreError> {
    let counts = COUNTS
        .iter()
        .find(|(of, _)| *of == kind)
        .map_or(&[][..], |(_, counts)| counts);
    let mut found = Vec::new();
    for (resource, sql) in counts {
        let count = match database.query_opt(sql, params![company, id])? {
            Some(row) => row.get(0)?,
            None => 0,
        };
        if count > 0 {
            found.push(Reference { resource, count });
        }
    }
    Ok(found)
}
