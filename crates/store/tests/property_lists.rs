//! Every list, in every order, up and down, with and without each filter, gives each row once, page by page, in the
//! order that a sort made here gives.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod property_support;

use std::collections::BTreeSet;

use nexus_domain::ids::CompanyId;
use nexus_domain::text::fold;
use nexus_store::listing::{Filter, Listing, PageRequest, Sort, page};
use nexus_store::{
    Database, Value,
    property::{apartments, company_settings, compounds, invoices, maintenance, occupancies, payments, tenants},
};
use property_support::furnished::{ROWS, found_companies, furnish};
use serde::Serialize;
use serde_json::Value as Json;

/// In the order in which fields are sorted.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Key {
    Empty,
    Number(f64),
    Text(String),
    /// An occupancy without an end ends after all others.
    Open,
}

fn key(field: &str, item: &Json) -> Key {
    let value = match field {
        "createdAt" => &item["id"],
        "city" | "region" | "postalCode" | "country" => &item["address"][field],
        _ => &item[field],
    };
    match value {
        Json::Null if field == "endDate" => Key::Open,
        Json::Null => Key::Empty,
        Json::Bool(flag) => Key::Number(f64::from(u8::from(*flag))),
        Json::Number(number) => Key::Number(number.as_f64().unwrap()),
        Json::String(text) if field == "email" => Key::Text(text.to_lowercase()),
        Json::String(text) if field == "fullName" => Key::Text(fold(text)),
        Json::String(text) if field == "priority" => {
            let rank = ["LOW", "NORMAL", "HIGH", "URGENT"].iter().position(|name| name == text);
            Key::Number(f64::from(u8::try_from(rank.unwrap()).unwrap()))
        }
        Json::String(text) => Key::Text(text.clone()),
        other => panic!("{field} is {other}"),
    }
}

/// What a filter compares; as an order, but for the time of `createdAt`.
fn compared(field: &str, item: &Json) -> Key {
    match field {
        "createdAt" | "fullName" => Key::Text(item[field].as_str().unwrap().to_owned()),
        _ => key(field, item),
    }
}

/// The value as it stands in a query string.
fn written(field: &str, item: &Json) -> String {
    match compared(field, item) {
        Key::Text(_) | Key::Number(_) if field == "priority" => item[field].as_str().unwrap().to_owned(),
        Key::Text(text) => text,
        Key::Number(_) if item[field].is_boolean() => item[field].to_string(),
        Key::Number(number) => number.to_string(),
        Key::Empty | Key::Open => panic!("{field} is empty"),
    }
}

fn id(item: &Json) -> &str {
    item["id"].as_str().unwrap()
}

/// All pages of three, one after another.
fn walked<T: Serialize>(
    database: &Database,
    listing: &'static Listing<T>,
    company: Option<CompanyId>,
    (sort, descending): (&'static Sort, bool),
    filter: Option<&(&'static str, Value)>,
) -> Vec<Json> {
    let mut request = PageRequest {
        company,
        filters: filter.cloned().into_iter().map(Into::into).collect(),
        search: None,
        sort,
        descending,
        after: None,
        limit: 3,
        with_total: true,
    };
    let mut rows = Vec::new();
    loop {
        let found = page(database, listing, &request).unwrap();
        assert!(
            found.items.len() == 3 || found.next.is_none(),
            "a short page is the last"
        );
        rows.extend(found.items.iter().map(|item| serde_json::to_value(item).unwrap()));
        assert!(rows.len() <= ROWS, "{} goes round", sort.name);
        if found.next.is_none() {
            assert_eq!(found.total, Some(i64::try_from(rows.len()).unwrap()));
            return rows;
        }
        request.after = found.next;
    }
}

fn check_orders<T: Serialize>(
    database: &Database,
    name: &str,
    listing: &'static Listing<T>,
    company: Option<CompanyId>,
    (filter, expected): (Option<&(&'static str, Value)>, &[Json]),
) {
    for sort in listing.sorts {
        let mut expected: Vec<_> = expected.iter().collect();
        expected.sort_by(|a, b| {
            let (one, other) = ((key(sort.name, a), id(a)), (key(sort.name, b), id(b)));
            one.partial_cmp(&other).unwrap()
        });
        for descending in [false, true] {
            let found = walked(database, listing, company, (sort, descending), filter);
            let found: Vec<_> = found.iter().map(|item| (key(sort.name, item), id(item))).collect();
            let wanted: Vec<_> = expected.iter().map(|item| (key(sort.name, item), id(item))).collect();
            assert_eq!(found, wanted, "{name} by {} where {filter:?}", sort.name);
            expected.reverse();
        }
    }
}

/// The value of `filter` that most rows have, and those rows.
fn most_common<'a>(filter: &Filter, all: &'a [Json]) -> (Json, Vec<&'a Json>) {
    let rows_like = |one: &Json| -> Vec<&'a Json> {
        let wanted = compared(filter.name, one);
        all.iter()
            .filter(|item| compared(filter.name, item) == wanted)
            .collect()
    };
    all.iter()
        .filter(|item| !matches!(compared(filter.name, item), Key::Empty | Key::Open))
        .map(|item| (item.clone(), rows_like(item)))
        .max_by_key(|(_, rows)| rows.len())
        .unwrap_or_else(|| panic!("no row has {}", filter.name))
}

/// `unsorted`: fields that are no order and no filter.
fn check<T: Serialize>(
    database: &Database,
    name: &str,
    listing: &'static Listing<T>,
    company: Option<CompanyId>,
    unsorted: &[&str],
) {
    let all = walked(database, listing, company, (&listing.sorts[0], false), None);
    assert_eq!(all.len(), ROWS, "{name}");
    names_every_field(name, listing, &all, unsorted);
    check_orders(database, name, listing, company, (None, &all));
    for filter in listing.filters {
        let (one, rows) = most_common(filter, &all);
        let rows: Vec<_> = rows.into_iter().cloned().collect();
        let value = (filter.read)(&written(filter.name, &one)).unwrap();
        check_orders(database, name, listing, company, (Some(&(filter.clause, value)), &rows));
    }
}

/// Every field that holds one value is an order and a filter; and the rows differ in it, so that the orders are tried.
fn names_every_field<T>(name: &str, listing: &Listing<T>, all: &[Json], unsorted: &[&str]) {
    let fields: BTreeSet<_> = all
        .iter()
        .flat_map(|item| item.as_object().unwrap())
        .filter(|(_, value)| !value.is_null() && !value.is_object() && !value.is_array())
        .map(|(field, _)| field.as_str())
        .filter(|field| !["id", "companyId", "version"].contains(field) && !unsorted.contains(field))
        .collect();
    for field in fields {
        assert!(listing.sorts.iter().any(|sort| sort.name == field), "{name} by {field}");
        assert!(
            listing.filters.iter().any(|filter| filter.name == field),
            "{field} of {name}"
        );
    }
    let names: BTreeSet<_> = listing.sorts.iter().map(|sort| sort.name).collect();
    let filters: BTreeSet<_> = listing.filters.iter().map(|filter| filter.name).collect();
    assert_eq!(names, filters, "orders and filters of {name}");
    for sort in listing.sorts {
        let differs = all.iter().any(|item| key(sort.name, item) != key(sort.name, &all[0]));
        let is_one_for_a_company = sort.name == "currency" && name != "companies";
        assert!(differs || is_one_for_a_company, "{name} have one {}", sort.name);
        let empty = all
            .iter()
            .any(|item| matches!(key(sort.name, item), Key::Empty | Key::Open));
        let may_be_empty = sort.column.starts_with("coalesce") && sort.name != "updatedAt";
        assert_eq!(empty, may_be_empty, "{name}: whether some {} is empty", sort.name);
    }
}

#[test]
fn every_order_of_every_list_gives_each_row_once_with_and_without_filters() {
    let database = Database::in_memory().unwrap();
    let company = Some(furnish(&database));
    furnish(&database);
    check(&database, "compounds", &compounds::LISTING, company, &[]);
    check(&database, "apartments", &apartments::LISTING, company, &[]);
    check(&database, "tenants", &tenants::LISTING, company, &[]);
    check(&database, "occupancies", &occupancies::LISTING, company, &[]);
    check(&database, "invoices", &invoices::LISTING, company, &[]);
    check(&database, "payments", &payments::LISTING, company, &["reversalReason"]);
    check(
        &database,
        "maintenance",
        &maintenance::LISTING,
        company,
        &["description"],
    );
}

#[test]
fn every_order_of_all_companies_gives_each_once_and_of_one_gives_that_one() {
    let database = Database::in_memory().unwrap();
    found_companies(&database);
    check(&database, "companies", &company_settings::LISTING, None, &[]);
    let listing = &company_settings::OF_ONE;
    let all = walked(
        &database,
        &company_settings::LISTING,
        None,
        (&listing.sorts[0], false),
        None,
    );
    let one = all[9]["id"].as_str().unwrap().parse().unwrap();
    check_orders(&database, "one company", listing, Some(one), (None, &all[9..10]));
}
