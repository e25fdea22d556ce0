//! Made-up companies to try, show and measure with: the same ones for the same seed and day.

mod chance;
mod estate;
mod names;

use nexus_domain::company::{Billing, Company, DepositTerms, LateFee};
use nexus_domain::date::Month;
use nexus_domain::ids::{ApartmentId, CompanyId, UserId};
use nexus_domain::text::fold;
use nexus_domain::{EmailAddress, Timestamp};
use serde_json::json;

use crate::{
    Database, StoreError, params,
    property::{company_settings, company_state},
};
use chance::Chance;

/// How much is made.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub companies: usize,
    /// Of the first company; each of the others has a twentieth of it, at least one.
    pub apartments: usize,
    /// Months of rent invoices up to the present one.
    pub months: i32,
    pub seed: u64,
    pub now: Timestamp,
}

/// What is being made: which of how many companies, and what of it.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    pub place: usize,
    pub of: usize,
    pub company: &'a str,
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Compounds, apartments, tenants and occupancies.
    Estate,
    /// A month's invoices and payments.
    Month(Month),
    Done,
}

/// A company that was made.
#[derive(Debug, Clone)]
pub struct DemoCompany {
    pub id: CompanyId,
    pub name: String,
    pub slug: String,
}

/// Makes what the plan says; `progress` hears of every step before it is taken. Companies that are there already (by
/// their slug) are left as they are.
pub fn fill(
    database: &Database,
    plan: &Plan,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Vec<DemoCompany>, StoreError> {
    let mut chance = Chance::new(plan.seed);
    let mut made = Vec::with_capacity(plan.companies);
    for place in 0..plan.companies {
        let name = names::company(place);
        let slug = format!("{}-{}", name.to_lowercase().replace(' ', "-"), place + 1);
        // Every company has its own chance, so that leaving one out changes no other.
        let mut own = Chance::new(chance.next());
        let apartments = if place == 0 {
            plan.apartments
        } else {
            (plan.apartments / 20).max(1)
        };
        let mut say = |what| {
            progress(Step {
                place: place + 1,
                of: plan.companies,
                company: &name,
                what,
            });
        };
        let id = match crate::identity::companies::by_slug(database, &slug)? {
            Some(there) => there.id,
            None => {
                let id = company(database, plan, &mut own, &name, &slug)?;
                let size = Estate {
                    apartments,
                    months: plan.months,
                    now: plan.now,
                };
                furnish_by(database, id, &size, &mut own, &mut say)?;
                id
            }
        };
        say(What::Done);
        made.push(DemoCompany { id, name, slug });
    }
    Ok(made)
}

fn company(
    database: &Database,
    plan: &Plan,
    chance: &mut Chance,
    name: &str,
    slug: &str,
) -> Result<CompanyId, StoreError> {
    let founded = founded(plan.now);
    let id = CompanyId::generate(founded, chance.bits());
    let unreadable = |_| StoreError::Column { index: 0 };
    company_settings::insert(
        database,
        &Company {
            id,
            name: name.to_owned(),
            slug: slug.to_owned(),
            currency: "EGP".parse().map_err(unreadable)?,
            timezone: "Africa/Cairo".parse().map_err(unreadable)?,
            is_active: true,
            allowed_email_domains: Vec::new(),
            late_fee: LateFee::NONE,
            deposit: DepositTerms::default(),
            billing: Billing::default(),
            branding: json!({}),
            created_at: founded,
            updated_at: founded,
            version: 1,
        },
    )?;
    Ok(id)
}

/// How much a company has.
#[derive(Debug, Clone, Copy)]
pub struct Estate {
    pub apartments: usize,
    pub months: i32,
    pub now: Timestamp,
}

/// Gives a company that is there apartments, tenants and a past.
pub fn furnish(database: &Database, company: CompanyId, size: &Estate, seed: u64) -> Result<(), StoreError> {
    furnish_by(database, company, size, &mut Chance::new(seed), &mut |_| {})
}

fn furnish_by(
    database: &Database,
    company: CompanyId,
    size: &Estate,
    chance: &mut Chance,
    say: &mut dyn FnMut(What),
) -> Result<(), StoreError> {
    let day = company_state::open(database, company, size.now)?
        .ok_or(StoreError::Column { index: 0 })?
        .day;
    say(What::Estate);
    let leases = estate::estate(database, &day, chance, founded(size.now), size.apartments)?;
    for back in (0..size.months).rev() {
        let month = day.today.month().plus(-back);
        say(What::Month(month));
        estate::bill(database, &day, chance, &leases, month)?;
    }
    // Nobody is written to about a made-up past.
    database.execute(
        "UPDATE invoices SET reminded_at = ?2, overdue_told_at = ?2 WHERE company_id = ?1 \
         AND status IN ('ISSUED', 'PARTIALLY_PAID', 'OVERDUE')",
        params![company, size.now],
    )?;
    Ok(())
}

/// Everything made up began three years ago.
fn founded(now: Timestamp) -> Timestamp {
    now.plus_seconds(-3 * 365 * 86_400)
}

/// Makes a person with an account one of the tenants who live there now. Index: occupancies_by_status.
pub fn move_in(
    database: &Database,
    company: CompanyId,
    user: UserId,
    name: &str,
    email: &EmailAddress,
) -> Result<(), StoreError> {
    database.execute(
        "UPDATE tenants SET user_id = ?2, full_name = ?3, name_folded = ?6, email = ?4, email_key = ?5, email_folded = ?7 WHERE company_id = ?1 AND id = \
         (SELECT o.tenant_id FROM occupancies o JOIN tenants t ON t.company_id = o.company_id AND t.id = o.tenant_id \
         WHERE o.company_id = ?1 AND o.status = 'ACTIVE' AND t.user_id IS NULL ORDER BY o.id LIMIT 1)",
        params![
            company,
            user,
            name,
            email.as_str(),
            email.key(),
            fold(name),
            email.folded()
        ],
    )
}

/// Where a person with an account lives now. Indexes: tenants_by_user, occupancies_by_tenant.
pub fn apartment_of(database: &Database, company: CompanyId, user: UserId) -> Result<Option<ApartmentId>, StoreError> {
    database
        .query_opt(
            "SELECT o.apartment_id FROM tenants t JOIN occupancies o ON o.company_id = t.company_id \
             AND o.tenant_id = t.id AND o.status = 'ACTIVE' WHERE t.company_id = ?1 AND t.user_id = ?2 LIMIT 1",
            params![company, user],
        )?
        .map(|row| row.parse(0))
        .transpose()
}

#[cfg(test)]
mod tests;
