//! Who may contain what, and who may call whom.

use crate::sources::{Source, below, none, rust};

const OURS: [&str; 5] = ["components", "crates", "native", "tests", "xtask"];
const MAX_FILE: usize = 400;

#[test]
fn only_the_store_writes_sql() {
    // The host runs statements it is handed; its own few are the layout of Spin's key-value store.
    let others: Vec<Source> = rust(&["components", "crates", "native", "xtask"])
        .into_iter()
        .filter(|source| !source.path.starts_with("crates/store/") && !source.path.starts_with("native/host/"))
        .filter(|source| !source.is_test())
        .collect();
    let begins = [
        "\"SELECT ",
        "\"INSERT ",
        "\"UPDATE ",
        "\"DELETE ",
        "\"CREATE TABLE",
        "\"PRAGMA ",
        "\"BEGIN",
        "\"WITH ",
    ];
    let found: Vec<_> = lines(&others, |line| begins.iter().any(|begin| line.contains(begin)));
    none(&found, "SQL belongs into crates/store");
}

/// Left to itself SQLite may take every row that the other table has for this company, or with this status, and look
/// through the list for each of them.
#[test]
fn a_list_of_ids_is_read_once() {
    let mut found = Vec::new();
    for source in rust(&["crates/store/src"]) {
        let text = source.text.split_whitespace().filter(|word| *word != "\\");
        let words: Vec<&str> = text.collect();
        let joined = words.windows(3).filter(|three| {
            let is_list = three[0].contains("json_each(?") && three[0].ends_with(')');
            is_list && matches!(three[2], "JOIN" | "INNER")
        });
        found.extend(joined.map(|three| format!("{}: {}", source.path, three.join(" "))));
    }
    none(
        &found,
        "a list is joined with CROSS JOIN, which makes SQLite begin with it",
    );
}

#[test]
fn only_kit_knows_status_codes_of_failure() {
    let routes: Vec<Source> = rust(&["components"])
        .into_iter()
        // The transport reads what the provider answers and gives no answer of its own.
        .filter(|source| !source.is_test() && !source.path.starts_with("components/mail-sendgrid"))
        .collect();
    let failures = [
        "StatusCode::BAD",
        "StatusCode::UNAUTH",
        "StatusCode::FORBIDDEN",
        "StatusCode::NOT_FOUND",
        "StatusCode::CONFLICT",
        "StatusCode::INTERNAL",
        "StatusCode::SERVICE",
        "StatusCode::TOO_MANY",
        "StatusCode::UNPROCESSABLE",
        "StatusCode::PRECONDITION",
        "StatusCode::PAYLOAD",
        "from_u16(",
    ];
    let found = lines(&routes, |line| failures.iter().any(|failure| line.contains(failure)));
    none(
        &found,
        "a component says what is wrong with a kit::Code; kit knows the status",
    );
}

#[test]
fn no_component_imports_another() {
    let names: Vec<String> = manifests("components").iter().filter_map(package_name).collect();
    let mut found = Vec::new();
    for manifest in manifests("components") {
        let own = package_name(&manifest);
        let parsed: toml::Table = manifest.text.parse().expect("TOML");
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = parsed.get(table).and_then(toml::Value::as_table);
            for name in dependencies.into_iter().flat_map(|table| table.keys()) {
                if names.contains(name) && Some(name) != own.as_ref() {
                    found.push(format!("{}: {name}", manifest.path));
                }
            }
        }
    }
    none(&found, "components meet in the database or through a WIT interface");
}

#[test]
fn dependencies_point_downwards() {
    let forbidden = [
        (
            "crates/domain",
            vec![
                "nexus-kit",
                "nexus-protocol",
                "nexus-store",
                "spin-sdk",
                "http",
                "axum",
                "rusqlite",
                "tokio",
            ],
        ),
        (
            "crates/protocol",
            vec!["nexus-kit", "nexus-store", "spin-sdk", "axum", "rusqlite", "tokio"],
        ),
        ("crates/store", vec!["nexus-kit", "nexus-protocol", "http", "axum"]),
        (
            "native/host",
            vec![
                "nexus-domain",
                "nexus-protocol",
                "nexus-store",
                "nexus-kit",
                "nexus-sidecar",
            ],
        ),
        (
            "native/sidecar",
            vec!["nexus-store", "nexus-kit", "nexus-host", "rusqlite"],
        ),
    ];
    let mut found = Vec::new();
    for (folder, names) in forbidden {
        for manifest in manifests(folder) {
            let parsed: toml::Table = manifest.text.parse().expect("TOML");
            let dependencies = parsed.get("dependencies").and_then(toml::Value::as_table);
            for name in dependencies.into_iter().flat_map(|table| table.keys()) {
                if names.contains(&name.as_str()) {
                    found.push(format!("{}: {name}", manifest.path));
                }
            }
        }
    }
    none(&found, "design/house.md, who may call whom");
}

#[test]
fn files_are_not_too_long() {
    let found: Vec<_> = rust(&OURS)
        .into_iter()
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > MAX_FILE)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    none(&found, "a file of more than 400 lines has two subjects");
}

#[test]
fn nothing_is_called_common_or_util() {
    let shapeless = ["common", "util", "utils", "helper", "helpers", "misc"];
    let found: Vec<_> = rust(&OURS)
        .into_iter()
        .map(|source| source.path)
        .filter(|path| path.split(['/', '.']).any(|part| shapeless.contains(&part)))
        // The list of common passwords is about just that.
        .filter(|path| !path.starts_with("crates/domain/src/password/"))
        .collect();
    none(&found, "a name says what is in there");
}

fn lines(sources: &[Source], matches: impl Fn(&str) -> bool) -> Vec<String> {
    sources
        .iter()
        .flat_map(|source| {
            let found = source.code().filter(|(_, line)| matches(line));
            found.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim()))
        })
        .collect()
}

fn manifests(folder: &str) -> Vec<Source> {
    let all = below(&[folder], "toml");
    all.into_iter()
        .filter(|source| source.path.ends_with("Cargo.toml") && !source.path.contains("/fixtures/"))
        .collect()
}

fn package_name(manifest: &Source) -> Option<String> {
    let parsed: toml::Table = manifest.text.parse().expect("TOML");
    Some(parsed.get("package")?.get("name")?.as_str()?.to_owned())
}
