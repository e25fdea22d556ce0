//! Where the jobs are on their rounds of the companies: a call has no time for all of them, and the next may be another
//! instance's, on another node.

use nexus_domain::ids::CompanyId;

use crate::{Database, StoreError, params};

/// Every company that is open for business, from the one after the last that this job came to. All are read, and sorted:
/// they are few beside what is in them.
pub fn companies(database: &Database, job: &str) -> Result<Vec<CompanyId>, StoreError> {
    database
        .query(
            "SELECT id FROM companies WHERE is_active = 1 \
             ORDER BY id <= coalesce((SELECT last_company FROM job_rounds WHERE job = ?1), ''), id",
            params![job],
        )?
        .iter()
        .map(|row| row.parse(0))
        .collect()
}

/// Writes down which company a job came to. Of two nodes the later one's place counts: what one of them has done the
/// other finds done.
pub fn came_to(database: &Database, job: &str, company: CompanyId) -> Result<(), StoreError> {
    database.execute(
        "INSERT INTO job_rounds (job, last_company) VALUES (?1, ?2) \
         ON CONFLICT (job) DO UPDATE SET last_company = excluded.last_company",
        params![job, company],
    )
}
