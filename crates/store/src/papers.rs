//! What stands on an invoice or a receipt besides its figures: who sends it, to whom, for which home.

use nexus_domain::ids::{CompanyId, OccupancyId};
use nexus_domain::person_name::Locale;
use nexus_domain::place::StoredAddress;

use crate::{Database, StoreError, params};

/// The company's side of a document.
#[derive(Debug, Clone, Default)]
pub struct Letterhead {
    pub company: String,
    /// Address, tax number: whatever the company wants to stand there.
    pub lines: Vec<String>,
    /// `#1a7f5a`
    pub colour: Option<String>,
    /// Where the logo's bytes lie.
    pub logo: Option<String>,
}

/// The tenant's side of it.
#[derive(Debug, Clone, Default)]
pub struct Addressee {
    pub name: String,
    pub email: String,
    pub apartment: String,
    pub compound: String,
    pub address: StoredAddress,
    /// Of the tenant's account, if they have one.
    pub locale: Option<Locale>,
}

impl Addressee {
    /// The address as it is written on letters: street, then place, then country.
    pub fn address_lines(&self) -> Vec<String> {
        let address = &self.address;
        let join = |parts: &[&Option<String>], between: &str| {
            let parts: Vec<&str> = parts.iter().filter_map(|part| part.as_deref()).collect();
            parts.join(between)
        };
        let street = join(&[&address.line1, &address.line2], ", ");
        let place = join(&[&address.postal_code, &address.city], " ");
        let country = join(&[&address.region, &address.country], ", ");
        [street, place, country]
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect()
    }
}

/// Indexes: the primary keys, and UNIQUE (company_id, id) of occupancies, tenants, apartments, compounds.
pub fn of_occupancy(
    database: &Database,
    company: CompanyId,
    occupancy: OccupancyId,
) -> Result<Option<(Letterhead, Addressee)>, StoreError> {
    let row = database.query_opt(
        "SELECT c.name, c.branding ->> 'primaryColor', coalesce(c.branding -> 'letterhead', '[]'), l.blob_key, \
         t.full_name, t.email, a.apartment_number, k.name, k.address, u.locale \
         FROM occupancies o JOIN companies c ON c.id = o.company_id \
         JOIN tenants t ON t.company_id = o.company_id AND t.id = o.tenant_id \
         JOIN apartments a ON a.company_id = o.company_id AND a.id = o.apartment_id \
         JOIN compounds k ON k.company_id = o.company_id AND k.id = a.compound_id \
         LEFT JOIN users u ON u.id = t.user_id LEFT JOIN attachments l ON l.id = c.branding ->> 'logo' \
         WHERE o.company_id = ?1 AND o.id = ?2",
        params![company, occupancy],
    )?;
    let Some(row) = row else { return Ok(None) };
    let lines: String = row.get(2)?;
    let address: String = row.get(8)?;
    let letterhead = Letterhead {
        company: row.get(0)?,
        colour: row.get(1)?,
        lines: serde_json::from_str(&lines).map_err(|_| StoreError::Column { index: 2 })?,
        logo: row.get(3)?,
    };
    let addressee = Addressee {
        name: row.get(4)?,
        email: row.get(5)?,
        apartment: row.get(6)?,
        compound: row.get(7)?,
        address: serde_json::from_str(&address).map_err(|_| StoreError::Column { index: 8 })?,
        locale: row.parse_opt(9)?,
    };
    Ok(Some((letterhead, addressee)))
}
