//! The lists of admins: every order, filter and search finds its rows in an index that leads with the company.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use nexus_domain::Timestamp;
use nexus_domain::ids::CompanyId;
use nexus_store::listing::{Listing, PageRequest, Sort, statement};
use nexus_store::{Database, Value, audit::reader, identity::user_admin, mail::outbox_admin};

fn plan<T>(database: &Database, listing: &Listing<T>, request: &PageRequest) -> Vec<String> {
    let mut params = vec![Value::Null; 5 + request.filters.len()];
    params[4] = Value::Integer(21);
    let sql = format!("EXPLAIN QUERY PLAN {}", statement(listing, request));
    let steps = database.query(&sql, &params).unwrap();
    steps.iter().map(|row| row.get(3).unwrap()).collect()
}

fn request(sort: &'static Sort, company: Option<CompanyId>, bits: u8, clause: Option<&'static str>) -> PageRequest {
    PageRequest {
        company,
        filters: clause
            .map(|clause| (clause, Value::Text(String::new())).into())
            .into_iter()
            .collect(),
        search: (bits & 1 != 0).then(|| "a".to_owned()),
        sort,
        descending: bits & 2 != 0,
        after: (bits & 4 != 0).then(|| (Value::Text(String::new()), String::new())),
        limit: 20,
        with_total: true,
    }
}

/// `by_key`: a filter that finds a row at once, by a key of its own.
fn check<T>(database: &Database, name: &str, of_company: &'static Listing<T>, all: &'static Listing<T>, by_key: &str) {
    let company = CompanyId::generate(Timestamp::from_millis(0), [0; 10]);
    for bits in 0..8 {
        for sort in of_company.sorts {
            let clauses = of_company.filters.iter().map(|filter| Some(filter.clause));
            for clause in clauses.chain([None]) {
                let plan = plan(database, of_company, &request(sort, Some(company), bits, clause));
                let asked = format!("{name} by {} {bits} where {clause:?}: {plan:#?}", sort.name);
                let reads: Vec<_> = plan
                    .iter()
                    .filter(|step| step.starts_with("SCAN") || step.starts_with("SEARCH"))
                    .collect();
                assert!(!reads.is_empty(), "{asked}");
                let is_found = |step: &&String| step.contains("company_id=?") || step.contains(by_key);
                assert!(reads.iter().all(is_found), "not by company: {asked}");
                let by_hand = plan.iter().any(|step| step.contains("TEMP B-TREE"));
                assert!(
                    !(by_hand && sort.indexed && clause.is_none()),
                    "sorted by hand: {asked}"
                );
            }
            // Over everybody there is no company to search by: what has an index is read in its order.
            let plan = plan(database, all, &request(sort, None, bits, None));
            let by_hand = plan.iter().any(|step| step.contains("TEMP B-TREE"));
            assert!(!(by_hand && sort.indexed), "{name} of all by {}: {plan:#?}", sort.name);
        }
    }
}

#[test]
fn the_lists_of_admins_go_by_the_company() {
    let database = Database::in_memory().unwrap();
    check(
        &database,
        "users",
        &user_admin::OF_COMPANY,
        &user_admin::LISTING,
        "email_key=?",
    );
    check(
        &database,
        "audit",
        &reader::OF_COMPANY,
        &reader::LISTING,
        "company_id=?",
    );
    check(
        &database,
        "mail",
        &outbox_admin::OF_COMPANY,
        &outbox_admin::LISTING,
        "company_id=?",
    );
}
