//! What the component's part of the OpenAPI document says.

use std::collections::BTreeSet;

use nexus_store::listing::Accepts;

use super::*;

fn document() -> Value {
    serde_json::to_value(nexus_kit::openapi::fragment(crate::routes())).unwrap()
}

fn parameters(operation: &Value) -> Vec<&Value> {
    operation["parameters"].as_array().into_iter().flatten().collect()
}

#[test]
fn the_document_names_every_filter_of_every_list() {
    let document = document();
    let named = |path: &str| -> Vec<String> {
        parameters(&document["paths"][format!("/api/v1{path}")]["get"])
            .iter()
            .map(|p| p["name"].as_str().unwrap().to_owned())
            .collect()
    };
    macro_rules! check {
        ($($path:literal => $module:ident),+) => {$(
            let names = named($path);
            let filters = nexus_store::property::$module::LISTING.filters.iter();
            let ranges = filters.clone().filter(|filter| filter.accepts == Accepts::Range);
            let ends = ranges.flat_map(|filter| [format!("{}From", filter.name), format!("{}To", filter.name)]);
            let expected: BTreeSet<_> = filters
                .map(|filter| filter.name.to_owned())
                .chain(ends)
                .chain(["limit", "cursor", "sort", "q", "withTotal", "companyId"].map(str::to_owned))
                .collect();
            assert_eq!(names.len(), expected.len(), "{}", $path);
            assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected, "{}", $path);
        )+};
    }
    check!(
        "/companies" => company_settings, "/compounds" => compounds, "/apartments" => apartments, "/tenants" => tenants,
        "/occupancies" => occupancies, "/invoices" => invoices, "/payments" => payments, "/maintenance-requests" => maintenance
    );
}

#[test]
fn every_call_may_name_a_company_but_those_that_name_one_by_their_path() {
    let document = document();
    let mut calls = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (verb, operation) in operations.as_object().unwrap() {
            let given: Vec<_> = parameters(operation)
                .into_iter()
                .filter(|parameter| parameter["name"] == "companyId")
                .collect();
            let is_of_companies = path.starts_with("/api/v1/companies") && (verb != "get" || path.contains("{id}"));
            assert_eq!(given.len(), usize::from(!is_of_companies), "{verb} {path}");
            for parameter in given {
                assert_eq!(parameter["in"], "query", "{verb} {path}");
                assert_eq!(parameter["required"], false, "{verb} {path}");
                assert_eq!(parameter["schema"]["format"], "uuid", "{verb} {path}");
            }
            calls += 1;
        }
    }
    assert!(calls > 40, "{calls}");
}

#[test]
fn days_and_times_that_are_filters_are_said_to_be() {
    let document = document();
    let mut told = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for parameter in parameters(&operations["get"]) {
            let name = parameter["name"].as_str().unwrap();
            let format = match name {
                _ if name.ends_with("Date") || name.starts_with("period") => "date",
                _ if name.ends_with("At") => "date-time",
                _ => continue,
            };
            assert_eq!(parameter["schema"]["format"], format, "{name} of {path}");
            told += 1;
        }
    }
    assert!(told > 20, "{told}");
}
