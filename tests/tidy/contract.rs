//! What is written down in two places, and must be the same in both.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use nexus_domain::settings::{ALL, env_example};
use nexus_tests::{binary, repository};

use crate::sources::{below, none};

#[test]
fn the_example_settings_are_the_registry() {
    let written = fs::read_to_string(repository().join(".env.example")).expect(".env.example");
    assert!(
        written == env_example(),
        ".env.example is not what the registry says: run `nexus config --example > .env.example`"
    );
}

/// Spin users get the same settings, with the same defaults, as those of `nexus serve`.
#[test]
fn the_variables_of_the_manifest_are_the_registry() {
    let manifest = manifest();
    let variables = manifest["variables"].as_table().expect("variables");
    let mut found = Vec::new();
    for setting in ALL {
        let name = setting.name().to_ascii_lowercase();
        let Some(variable) = variables.get(&name) else {
            continue;
        };
        let default = variable.get("default").and_then(toml::Value::as_str);
        if default != setting.default() {
            found.push(format!(
                "{name}: {default:?} in spin.toml, {:?} in the registry",
                setting.default()
            ));
        }
        let secret = variable.get("secret").and_then(toml::Value::as_bool).unwrap_or(false);
        if secret != setting.secret() {
            found.push(format!(
                "{name}: secret = {secret} in spin.toml, {} in the registry",
                setting.secret()
            ));
        }
    }
    let known: BTreeSet<String> = ALL.iter().map(|setting| setting.name().to_ascii_lowercase()).collect();
    found.extend(
        variables
            .keys()
            .filter(|name| !known.contains(*name))
            .map(|name| format!("{name}: not in the registry")),
    );
    none(&found, "spin.toml and crates/domain/src/settings/registry.rs differ");
}

/// Programs of before must know whether they may work with the database after it (migrations/README.md).
#[test]
fn every_new_migration_names_the_oldest_program_that_can_work_with_it() {
    const FIRST: u32 = 93;
    let mut found = Vec::new();
    for migration in below(&["migrations"], "sql") {
        let file = migration.path.rsplit('/').next().unwrap_or_default();
        let number: u32 = file
            .split('_')
            .next()
            .and_then(|number| number.parse().ok())
            .expect("a number");
        let stated = migration
            .text
            .lines()
            .take_while(|line| line.starts_with("--"))
            .find_map(|line| line.strip_prefix("-- compatible-since: "))
            .and_then(|stated| stated.parse::<u32>().ok());
        if number >= FIRST && stated.is_none_or(|stated| stated > number) {
            found.push(format!(
                "{file}: has no `-- compatible-since: NUMBER` in the comment at its top"
            ));
        }
    }
    none(&found, "migrations/README.md says what the line is for");
}

#[test]
fn every_path_of_openapi_has_a_route_and_every_route_a_path() {
    let routes = public_routes();
    let paths = openapi_paths();
    let mut found = Vec::new();
    for path in &paths {
        if !routes.iter().any(|route| covers(route, path)) {
            found.push(format!("{path}: in OpenAPI, but no route in spin.toml leads there"));
        }
    }
    for route in &routes {
        if !paths.iter().any(|path| covers(route, path)) {
            found.push(format!("{route}: in spin.toml, but OpenAPI knows nothing there"));
        }
    }
    none(&found, "spin.toml and OpenAPI differ");
}

/// OpenAPI 3.1.1 §4.8.17. Readers that hold to it refuse the whole document otherwise.
#[test]
fn every_response_of_openapi_is_described() {
    let document = openapi();
    let operations = document["paths"].as_object().expect("paths").iter();
    let mut found = Vec::new();
    for (path, operation) in operations.flat_map(|(path, item)| {
        let operations = item.as_object().expect("operations").values();
        operations.map(move |operation| (path, operation))
    }) {
        for (status, response) in operation["responses"].as_object().expect("responses") {
            if response["description"].as_str().is_none_or(str::is_empty) {
                found.push(format!("{path}: {status}"));
            }
        }
    }
    none(&found, "responses without a description");
}

#[test]
fn no_schema_of_openapi_contradicts_itself() {
    let mut found = Vec::new();
    contradictions(&openapi(), "", &mut found);
    none(&found, "no value can satisfy these schemas");
}

fn contradictions(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (least, most) in [
                ("minimum", "maximum"),
                ("minLength", "maxLength"),
                ("minItems", "maxItems"),
            ] {
                let number = |name: &str| members.get(name).and_then(serde_json::Value::as_f64);
                if let (Some(low), Some(high)) = (number(least), number(most))
                    && low > high
                {
                    found.push(format!("{at}: {least} {low} is over {most} {high}"));
                }
            }
            for (name, inner) in members {
                contradictions(inner, &format!("{at}/{name}"), found);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|inner| contradictions(inner, at, found)),
        _ => {}
    }
}

fn manifest() -> toml::Table {
    let text = fs::read_to_string(repository().join("spin.toml")).expect("spin.toml");
    text.parse().expect("TOML")
}

/// Those below the base path of the contract that aren't the fallback.
fn public_routes() -> BTreeSet<String> {
    let manifest = manifest();
    let triggers = manifest["trigger"]["http"].as_array().expect("routes");
    triggers
        .iter()
        .filter_map(|trigger| trigger.get("route")?.as_str())
        .filter(|route| route.starts_with("/api/v1/") && *route != "/api/v1/..." && *route != "/api/v1/openapi.json")
        .map(str::to_owned)
        .collect()
}

/// As the built components tell it.
fn openapi() -> serde_json::Value {
    let manifest = repository().join("spin.toml");
    let output = Command::new(binary())
        .args(["openapi", "--manifest"])
        .arg(manifest)
        .output()
        .expect("nexus runs");
    assert!(
        output.status.success(),
        "nexus openapi: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Metrics is the edge's own.
fn openapi_paths() -> BTreeSet<String> {
    let document = openapi();
    let paths = document["paths"].as_object().expect("paths");
    paths
        .keys()
        .map(|path| {
            if path.starts_with("/api/v1") {
                path.clone()
            } else {
                format!("/api/v1{path}")
            }
        })
        .filter(|path| path != "/api/v1/metrics" && path != "/api/v1/openapi.json")
        .collect()
}

fn covers(route: &str, path: &str) -> bool {
    match route.strip_suffix("/...") {
        Some(prefix) => path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        None => route == path,
    }
}
