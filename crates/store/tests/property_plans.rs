//! Every order and every filter of every list finds its rows in an index that leads with the company.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use nexus_domain::Timestamp;
use nexus_domain::ids::CompanyId;
use nexus_store::listing::{Listing, PageRequest, Sort, statement};
use nexus_store::{
    Database, Value, apartments, company_settings, compounds, dashboard, invoices, maintenance, occupancies, params,
    payments, tenants,
};

fn plan(database: &Database, sql: &str, params: &[Value]) -> Vec<String> {
    database
        .query(&format!("EXPLAIN QUERY PLAN {sql}"), params)
        .unwrap()
        .iter()
        .map(|row| row.get(3).unwrap())
        .collect()
}

fn request(sort: &'static Sort, descending: bool, after: bool, filter: Option<&'static str>) -> PageRequest {
    PageRequest {
        company: Some(CompanyId::generate(Timestamp::from_millis(0), [0; 10])),
        filters: filter
            .map(|clause| (clause, Value::Text(String::new())))
            .into_iter()
            .collect(),
        search: None,
        sort,
        descending,
        after: after.then(|| (Value::Text(String::new()), String::new())),
        limit: 20,
        with_total: true,
    }
}

fn check<T>(database: &Database, name: &str, listing: &'static Listing<T>, extra: &[&'static str]) {
    let clauses = listing
        .filters
        .iter()
        .map(|filter| filter.clause)
        .chain(extra.iter().copied());
    let filters: Vec<Option<&'static str>> = std::iter::once(None).chain(clauses.map(Some)).collect();
    for sort in listing.sorts {
        for (descending, after) in [(false, false), (false, true), (true, false), (true, true)] {
            for filter in &filters {
                let request = request(sort, descending, after, *filter);
                let mut params = vec![Value::Null; 5 + request.filters.len()];
                params[4] = Value::Integer(21);
                let plan = plan(database, &statement(listing, &request), &params);
                let asked = format!("{name} by {} where {filter:?}: {plan:#?}", sort.name);
                assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "a scan: {asked}");
                let searches: Vec<_> = plan.iter().filter(|step| step.starts_with("SEARCH")).collect();
                assert!(
                    searches
                        .iter()
                        .all(|step| step.contains("company_id=?") || step.contains("payment_id=?")),
                    "not by company: {asked}"
                );
                if filter.is_none() {
                    assert!(
                        !plan.iter().any(|step| step.contains("TEMP B-TREE")),
                        "sorted by hand: {asked}"
                    );
                }
            }
        }
    }
}

/// Whoever runs the place lists all companies, so there is no company to search by: each page is read from where it
/// begins, in the order of an index, and ends with its last row.
#[test]
fn companies_are_listed_in_the_order_of_an_index() {
    let database = Database::in_memory().unwrap();
    let listing = &company_settings::LISTING;
    for sort in listing.sorts {
        for (descending, after) in [(false, false), (false, true), (true, false), (true, true)] {
            let request = request(sort, descending, after, None);
            let params = [Value::Null, Value::Null, Value::Null, Value::Null, Value::Integer(21)];
            let plan = plan(&database, &statement(listing, &request), &params);
            let by_index = |step: &String| step.contains("companies USING") && step.contains("INDEX");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
            assert!(plan.iter().any(by_index), "{plan:#?}");
        }
    }
}

#[test]
fn no_list_scans_and_none_without_a_filter_sorts() {
    let database = Database::in_memory().unwrap();
    check(&database, "compounds", &compounds::LISTING, &[]);
    check(&database, "apartments", &apartments::LISTING, &[]);
    check(&database, "tenants", &tenants::LISTING, &[]);
    check(
        &database,
        "occupancies",
        &occupancies::LISTING,
        &[occupancies::OF_TENANT],
    );
    check(&database, "invoices", &invoices::LISTING, &[invoices::OF_TENANT]);
    check(&database, "payments", &payments::LISTING, &[payments::OF_TENANT]);
    check(
        &database,
        "maintenance",
        &maintenance::LISTING,
        &[maintenance::OF_REQUESTER],
    );
}

#[test]
fn the_dashboard_reads_indexes_only() {
    let database = Database::in_memory().unwrap();
    let plan = plan(&database, dashboard::FIGURES, params!["c", "2026-01-01", "2025-01-01"]);
    for step in &plan {
        let of_rows = step.starts_with("SCAN") && !step.contains("subquery") && !step.contains("CONSTANT ROW");
        assert!(!of_rows || step.contains("COVERING"), "{step} in {plan:#?}");
        let by_table = step.starts_with("SEARCH") && !step.contains("COVERING") && !step.contains("company_totals");
        assert!(!by_table, "reads a table: {step} in {plan:#?}");
    }
}
