//! Names: the field's standard terms, and documents that name files where they are.

use std::fs;

use nexus_tests::repository;

use crate::sources::{none, rust};

/// Types that have standard names now, with these.
const REPLACED: [(&str, &str); 13] = [
    ("Asker", "Principal"),
    ("Seeker", "PrincipalWith or Viewer"),
    ("Scribe", "AuditWriter"),
    ("Loose", "RawJson"),
    ("Edgeless", "EdgeFallback"),
    ("Accompanied", "SessionContext"),
    ("Reopening", "Reconnecting"),
    ("Press", "Renderer"),
    ("Keeping", "TokenDelivery"),
    ("Kept", "CacheEntry"),
    ("Leaving", "BufferedResponse"),
    ("Noticed", "WakeFlag"),
    ("Ways", "Egress"),
];

#[test]
fn types_have_the_standard_names() {
    let mut found = Vec::new();
    for source in rust(&["components", "crates", "native/host", "native/cli"]) {
        for (number, line) in source.code() {
            let Some(name) = defined(line) else { continue };
            if let Some((_, better)) = REPLACED.iter().find(|(old, _)| *old == name) {
                found.push(format!("{}:{number}: {name} is {better}", source.path));
            }
        }
    }
    none(&found, "these types have standard names");
}

/// The name of the type that a line defines.
fn defined(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    if !matches!(words.next()?, "struct" | "enum" | "trait" | "type") {
        return None;
    }
    words.next()?.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

#[test]
fn every_file_that_the_architecture_names_is_there() {
    let text = fs::read_to_string(repository().join("docs/ARCHITECTURE.md")).expect("the document");
    let mut named = 0;
    let mut missing = Vec::new();
    for path in text.split('`').skip(1).step_by(2) {
        let is_path = ["native/", "components/", "crates/", "migrations/", "docs/"]
            .iter()
            .any(|folder| path.starts_with(folder));
        if !is_path || path.contains(['<', '…']) {
            continue;
        }
        named += 1;
        if !repository().join(path).exists() {
            missing.push(path.to_owned());
        }
    }
    assert!(named > 30, "{named} files are named");
    none(&missing, "docs/ARCHITECTURE.md names files that are not there");
}
