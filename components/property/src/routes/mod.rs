//! One file per resource.

pub mod apartments;
pub mod companies;
pub mod compounds;
pub mod imports;
pub mod invoice_actions;
pub mod invoices;
pub mod jobs;
pub mod maintenance_requests;
pub mod occupancies;
pub mod papers;
pub mod payments;
pub mod tenants;

use nexus_kit::{FieldErrors, Problem};

/// A path's id as whatever it identifies; what is no id names nothing.
pub fn id<I: std::str::FromStr>(text: &str) -> Result<I, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// A row as it is.
pub fn plain<T>(row: T) -> T {
    row
}

/// The body of a call in its shape.
pub type Body<T> = Result<nexus_kit::Json<T>, Problem>;

/// Reads a loose body as `T`.
pub fn shaped<T: deserr::Deserr<FieldErrors>>(body: nexus_kit::patch::Loose) -> Result<T, Problem> {
    body.read()
}
