//! What stands on an invoice or a receipt besides its figures: who sends it, to whom, for which home.

use nexus_domain::invoice::Invoice;
use nexus_domain::person_name::Locale;
use nexus_domain::premises::StoredAddress;
use serde::Deserialize;

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

/// As `parties_today` and `invoice_parties` have it.
#[derive(Deserialize)]
struct Parties {
    company: String,
    lines: Vec<String>,
    name: String,
    email: String,
    apartment: String,
    compound: String,
    address: StoredAddress,
}

/// Names and addresses are those of when it was issued, or of today while it is a draft; looks and language are today's.
pub fn of_invoice(database: &Database, invoice: &Invoice) -> Result<Option<(Letterhead, Addressee)>, StoreError> {
    let row = database.query_opt(
        OF_INVOICE,
        params![invoice.company_id, invoice.occupancy_id, invoice.id],
    )?;
    let Some(row) = row else { return Ok(None) };
    let parties: String = row.get(0)?;
    let parties: Parties = serde_json::from_str(&parties).map_err(|_| StoreError::Column { index: 0 })?;
    let letterhead = Letterhead {
        company: parties.company,
        lines: parties.lines,
        colour: row.get(1)?,
        logo: row.get(2)?,
    };
    let addressee = Addressee {
        name: parties.name,
        email: parties.email,
        apartment: parties.apartment,
        compound: parties.compound,
        address: parties.address,
        locale: row.parse_opt(3)?,
    };
    Ok(Some((letterhead, addressee)))
}

/// Indexes: the primary keys, and UNIQUE (company_id, id) of occupancies, tenants, apartments, compounds.
const OF_INVOICE: &str = "SELECT coalesce(i.parties, p.parties), c.branding ->> 'primaryColor', l.blob_key, u.locale \
FROM parties_today p JOIN companies c ON c.id = p.company_id \
LEFT JOIN invoice_parties i ON i.company_id = p.company_id AND i.invoice_id = ?3 \
LEFT JOIN users u ON u.id = p.user_id LEFT JOIN attachments l ON l.id = c.branding ->> 'logo' \
WHERE p.company_id = ?1 AND p.occupancy_id = ?2";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn all_that_stands_on_paper_is_found_by_keys() {
        let database = Database::in_memory().unwrap();
        let rows = database
            .query(&format!("EXPLAIN QUERY PLAN {OF_INVOICE}"), &vec![Value::Null; 3])
            .unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(3).unwrap()).collect();
        assert!(
            plan.len() >= 8 && plan.iter().all(|step| step.starts_with("SEARCH ")),
            "{plan:?}"
        );
    }
}
