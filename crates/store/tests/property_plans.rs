//! Every order, every filter and every search of every list finds its rows in an index that leads with the company.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use nexus_domain::Timestamp;
use nexus_domain::ids::{
    ApartmentId, CompanyId, CompoundId, InvoiceId, MaintenanceRequestId, OccupancyId, PaymentId, TenantId,
};
use nexus_store::identity::sessions::with_company_statement;
use nexus_store::listing::{Listing, PageRequest, Sort, statement};
use nexus_store::property::company_owned::CompanyOwned;
use nexus_store::{
    Database, Value, params,
    property::{
        apartments, company_settings, compounds, dashboard, invoices, maintenance, occupancies, payments, tenants,
    },
};

fn plan(database: &Database, sql: &str, params: &[Value]) -> Vec<String> {
    database
        .query(&format!("EXPLAIN QUERY PLAN {sql}"), params)
        .unwrap()
        .iter()
        .map(|row| row.get(3).unwrap())
        .collect()
}

/// How a page is asked for: downwards, from a row on, searched.
type Manner = (bool, bool, bool);

fn manners() -> impl Iterator<Item = Manner> {
    (0..8).map(|bits| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0))
}

fn request(sort: &'static Sort, (descending, after, searched): Manner, filters: &[&'static str]) -> PageRequest {
    PageRequest {
        company: Some(CompanyId::generate(Timestamp::from_millis(0), [0; 10])),
        filters: filters
            .iter()
            .map(|clause| (*clause, Value::Text(String::new())).into())
            .collect(),
        search: searched.then(|| "a".to_owned()),
        sort,
        descending,
        after: after.then(|| (Value::Text(String::new()), String::new())),
        limit: 20,
        with_total: true,
    }
}

fn plan_of<T>(database: &Database, listing: &Listing<T>, request: &PageRequest) -> Vec<String> {
    let mut params = vec![Value::Null; 5 + request.filters.len()];
    params[4] = Value::Integer(21);
    plan(database, &statement(listing, request), &params)
}

/// None, each alone, and each with each other one.
fn combinations(clauses: &[&'static str]) -> Vec<Vec<&'static str>> {
    let pairs = clauses
        .iter()
        .enumerate()
        .flat_map(|(place, one)| clauses[place + 1..].iter().map(|other| vec![*one, *other]));
    let alone = clauses.iter().map(|clause| vec![*clause]);
    std::iter::once(Vec::new()).chain(alone).chain(pairs).collect()
}

fn is_sorted_by_hand(plan: &[String]) -> bool {
    plan.iter().any(|step| step.contains("TEMP B-TREE"))
}

/// `extra`: the clauses that hold a resident to what is theirs.
fn check<T>(database: &Database, name: &str, listing: &'static Listing<T>, extra: &[&'static str]) {
    let filters = listing.filters.iter().map(|filter| filter.clause);
    let clauses: Vec<_> = filters.chain(extra.iter().copied()).collect();
    let combinations = combinations(&clauses);
    for sort in listing.sorts {
        for manner in manners() {
            // Of pairs it is the page from a row on that is searched in another way.
            let pairs = manner.1 && !manner.0;
            for filters in combinations.iter().filter(|filters| pairs || filters.len() < 2) {
                let plan = plan_of(database, listing, &request(sort, manner, filters));
                let asked = format!("{name} by {} {manner:?} where {filters:?}: {plan:#?}", sort.name);
                assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "a scan: {asked}");
                let searches: Vec<_> = plan.iter().filter(|step| step.starts_with("SEARCH")).collect();
                assert!(!searches.is_empty(), "nothing is searched: {asked}");
                assert!(
                    searches
                        .iter()
                        .all(|step| step.contains("company_id=?") || step.contains("payment_id=?")),
                    "not by company: {asked}"
                );
                if filters.is_empty() {
                    let searched = manner.2;
                    let by_hand = is_sorted_by_hand(&plan);
                    assert!(!(by_hand && sort.indexed && !searched), "sorted by hand: {asked}");
                    assert!(by_hand || sort.indexed, "there is an index for this order: {asked}");
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
    let clauses: Vec<_> = listing.filters.iter().map(|filter| filter.clause).collect();
    for sort in listing.sorts {
        for manner in manners() {
            let plan = plan_of(&database, listing, &request(sort, manner, &[]));
            let by_index = |step: &String| step.contains("companies USING") && step.contains("INDEX");
            assert!(!is_sorted_by_hand(&plan), "{plan:#?}");
            assert!(plan.iter().any(by_index), "{plan:#?}");
            // One's own is found by its key, whatever else is asked.
            for filters in combinations(&clauses) {
                let plan = plan_of(&database, &company_settings::OF_ONE, &request(sort, manner, &filters));
                let by_key = |step: &String| {
                    step.starts_with("SEARCH companies") && ["(id=?", "(slug=?"].iter().any(|key| step.contains(key))
                };
                assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{plan:#?}");
                assert!(plan.iter().any(by_key), "{plan:#?}");
            }
        }
    }
}

#[test]
fn no_list_scans_and_none_that_has_an_index_sorts() {
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

/// The filters alone find the rows, and in this order they need no sorting.
fn check_filters<T>(database: &Database, listing: &'static Listing<T>, names: &[&str], sort: &str) {
    let sort = listing.sorts.iter().find(|known| known.name == sort).unwrap();
    let clause = |name: &&str| {
        listing
            .filters
            .iter()
            .find(|filter| filter.name == *name)
            .unwrap()
            .clause
    };
    let filters: Vec<_> = names.iter().map(clause).collect();
    for manner in manners().filter(|(_, _, searched)| !searched) {
        let plan = plan_of(database, listing, &request(sort, manner, &filters));
        // The company and each filter; a payment's reversal is found by the payment.
        let by_all = |step: &&String| step.contains("payment_id=?") || step.matches("=?").count() > names.len();
        let searches: Vec<_> = plan.iter().filter(|step| step.starts_with("SEARCH")).collect();
        assert!(searches.iter().all(by_all), "{names:?} by {}: {plan:#?}", sort.name);
        assert!(!is_sorted_by_hand(&plan), "{names:?} by {}: {plan:#?}", sort.name);
    }
}

#[test]
fn everyday_filters_find_their_rows_in_order_by_an_index() {
    let database = Database::in_memory().unwrap();
    let default = "createdAt";
    check_filters(&database, &compounds::LISTING, &["name"], default);
    for (filters, sort) in [
        (["apartmentNumber"].as_slice(), default),
        (&["compoundId", "status"], default),
        (&["compoundId"], "apartmentNumber"),
        (&["status"], "apartmentNumber"),
    ] {
        check_filters(&database, &apartments::LISTING, filters, sort);
    }
    for filter in ["userId", "email", "fullName", "phone", "nationalId"] {
        check_filters(&database, &tenants::LISTING, &[filter], default);
    }
    for filter in ["tenantId", "startDate", "endDate"] {
        check_filters(&database, &occupancies::LISTING, &[filter], default);
    }
    for filter in ["occupancyId", "tenantId", "invoiceNumber", "invoiceDate", "dueDate"] {
        check_filters(&database, &invoices::LISTING, &[filter], default);
    }
    check_filters(&database, &invoices::LISTING, &["occupancyId"], "invoiceDate");
    for filter in ["invoiceId", "tenantId", "paymentDate", "paymentMethod"] {
        check_filters(&database, &payments::LISTING, &[filter], default);
    }
    for filter in ["requestedBy", "status", "assigneeId"] {
        check_filters(&database, &maintenance::LISTING, &[filter], default);
    }
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

fn plan_beside<I: CompanyOwned>(database: &Database) -> Vec<String> {
    plan(database, &with_company_statement::<I>(), &vec![Value::Null; 4])
}

#[test]
fn what_is_read_beside_a_session_is_found_by_keys() {
    let database = Database::in_memory().unwrap();
    let plans = [
        plan_beside::<ApartmentId>(&database),
        plan_beside::<CompoundId>(&database),
        plan_beside::<TenantId>(&database),
        plan_beside::<OccupancyId>(&database),
        plan_beside::<InvoiceId>(&database),
        plan_beside::<PaymentId>(&database),
        plan_beside::<MaintenanceRequestId>(&database),
    ];
    for mut plan in plans {
        // A payment with its reversal is found first, by its id, and is then one row.
        plan.retain(|step| !["MATERIALIZE held", "SCAN held LEFT-JOIN"].contains(&step.as_str()));
        assert!(plan.len() >= 5, "{plan:?}");
        assert!(
            plan.iter()
                .all(|step| step.starts_with("SEARCH ") && step.contains("id=?")),
            "{plan:?}"
        );
    }
}
