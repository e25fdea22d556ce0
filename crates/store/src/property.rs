//! Property management: companies' settings, compounds to payments, jobs, dashboard.

pub mod apartments;
pub mod billing;
pub mod company_owned;
pub mod company_settings;
pub mod company_state;
pub mod compounds;
pub mod dashboard;
pub mod imports;
pub mod invoices;
pub mod job_rounds;
pub mod ledger_notices;
pub mod maintenance;
pub mod occupancies;
pub mod papers;
pub mod payments;
pub mod references;
pub mod tenants;
mod values;
