use std::fs;

use nexus_tests::repository;

use crate::sources::{none, rust};

/// `docs/security.md` says which test covers which requirement; a test that was renamed or lost must not stay there.
#[test]
fn every_test_that_the_security_table_names_is_there() {
    let document = fs::read_to_string(repository().join("docs/security.md")).expect("the document");
    let tests: Vec<String> = rust(&["components", "crates", "native", "tests"])
        .iter()
        .flat_map(|source| source.text.lines())
        .filter_map(|line| {
            line.trim_start()
                .trim_start_matches("pub ")
                .trim_start_matches("async ")
                .strip_prefix("fn ")
        })
        .filter_map(|rest| rest.split('(').next().map(str::to_owned))
        .collect();
    let missing: Vec<String> = document
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter_map(|named| named.rsplit("::").next())
        // Tests are sentences; what is shorter names a file of them.
        .filter(|named| named.matches('_').count() >= 3)
        .filter(|named| !tests.iter().any(|test| fits(named, test)))
        .map(str::to_owned)
        .collect();
    none(&missing, "docs/security.md names tests that are not there");
}

/// `…` stands for anything.
fn fits(named: &str, test: &str) -> bool {
    let mut parts = named.trim_start_matches('…').split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = test.strip_prefix(first) else {
        return false;
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || named.ends_with('…')
}
