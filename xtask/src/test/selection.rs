//! Which tests a filter means, and what they need.

use std::fs;
use std::path::Path;

use crate::step::Failure;
use crate::workspace::{Package, Workspace};

/// Something that tests need beside their own program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The Rust target of the components.
    WasmTarget,
    /// The components, their compiled code and all programs.
    Product,
    TypeScriptClient,
    RelayClients,
    ContractClients,
    Browser,
    Libsql,
    Redis,
}

/// An integration test program of the workspace.
pub struct Target {
    pub name: &'static str,
    folder: &'static str,
    pub needs: &'static [Need],
}

pub const TARGETS: [Target; 10] = [
    target("api", "tests/api", &[Need::Product]),
    target("bodies", "native/sidecar/tests/bodies.rs", &[]),
    target("browser", "tests/browser", &[Need::Product, Need::Browser]),
    target(
        "contract",
        "tests/contract",
        &[Need::Product, Need::ContractClients, Need::TypeScriptClient],
    ),
    target("faults", "tests/faults", &[Need::Product, Need::Libsql]),
    target("host", "native/host/tests", &[Need::WasmTarget]),
    target(
        "relay",
        "tests/relay",
        &[Need::Product, Need::RelayClients, Need::Redis],
    ),
    target("slice", "tests/slice", &[Need::Product, Need::RelayClients]),
    target("sockets", "native/sidecar/tests/sockets", &[Need::Redis]),
    target("tidy", "tests/tidy", &[Need::Product]),
];

const fn target(name: &'static str, folder: &'static str, needs: &'static [Need]) -> Target {
    Target { name, folder, needs }
}

/// Tests that run in one go.
#[derive(Debug, PartialEq, Eq)]
pub enum Run {
    /// An integration test program.
    Target { name: &'static str, filter: Option<String> },
    /// The unit tests of a package.
    Unit { package: Package, filter: Option<String> },
}

impl Run {
    pub fn needs(&self) -> &'static [Need] {
        let Self::Target { name, .. } = self else { return &[] };
        let target = TARGETS.iter().find(|target| target.name == *name);
        target.map_or(&[], |target| target.needs)
    }
}

/// Returns the tests that a filter means: `api` or `domain` a whole program or package, `api::auth` a part of it, and any other
/// text the tests whose file or function has it in its name.
pub fn select(workspace: &Workspace, filter: &str) -> Result<Vec<Run>, Failure> {
    let packages = workspace.packages()?;
    let (head, rest) = match filter.split_once("::") {
        Some((head, rest)) => (head, Some(rest.to_owned()).filter(|rest| !rest.is_empty())),
        None => (filter, None),
    };
    if head == "unit" {
        let units = packages.into_iter().filter(has_unit_tests);
        return Ok(units
            .map(|package| Run::Unit {
                package,
                filter: rest.clone(),
            })
            .collect());
    }
    let mut runs = Vec::new();
    let called: Vec<&Package> = packages.iter().filter(|package| package.is_called(head)).collect();
    let belongs = |target: &&Target| {
        called
            .iter()
            .any(|package| Path::new(target.folder).starts_with(&package.folder))
    };
    for target in TARGETS.iter().filter(|target| target.name == head || belongs(target)) {
        runs.push(Run::Target {
            name: target.name,
            filter: rest.clone(),
        });
    }
    for package in called.into_iter().filter(|package| has_unit_tests(package)) {
        runs.push(Run::Unit {
            package: package.clone(),
            filter: rest.clone(),
        });
    }
    if runs.is_empty() {
        runs = by_name(workspace, &packages, filter);
    }
    if runs.is_empty() {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        return Err(Failure::new(format!(
            "no test has {filter:?} in its name; a filter is a test program ({}), a package, `program::part`, or a part of a name",
            known.join(", ")
        )));
    }
    Ok(runs)
}

fn by_name(workspace: &Workspace, packages: &[Package], filter: &str) -> Vec<Run> {
    let names = |folder: &Path| mentions(&workspace.root.join(folder), filter);
    let targets = TARGETS.iter().filter(|target| names(Path::new(target.folder)));
    let mut runs: Vec<Run> = targets
        .map(|target| Run::Target {
            name: target.name,
            filter: Some(filter.to_owned()),
        })
        .collect();
    let units = packages
        .iter()
        .filter(|package| has_unit_tests(package) && names(&package.folder.join("src")));
    runs.extend(units.map(|package| Run::Unit {
        package: package.clone(),
        filter: Some(filter.to_owned()),
    }));
    runs
}

fn has_unit_tests(package: &Package) -> bool {
    !package.folder.starts_with("bench")
}

/// Whether a file below `path` has tests with the filter in their path: module names and the function's name.
fn mentions(path: &Path, filter: &str) -> bool {
    let wanted = filter.rsplit("::").next().unwrap_or(filter);
    if path.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        return entries.into_iter().any(|entry| mentions(&entry.path(), filter));
    }
    if path.extension().is_none_or(|extension| extension != "rs") {
        return false;
    }
    let Ok(text) = fs::read_to_string(path) else {
        return false;
    };
    if !text.contains("#[test]") && !text.contains("#[tokio::test") {
        return false;
    }
    let in_file = path
        .file_stem()
        .is_some_and(|stem| stem.to_string_lossy().contains(wanted));
    in_file || test_functions(&text).any(|name| name.contains(wanted))
}

/// Names of the functions below a test attribute.
fn test_functions(text: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    text.lines().filter_map(move |line| {
        let line = line.trim_start();
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
            return None;
        }
        let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('))?.0;
        std::mem::take(&mut is_test).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(filter: &str) -> Vec<Run> {
        let workspace = Workspace::find().unwrap_or_else(|failure| panic!("{failure}"));
        select(&workspace, filter).unwrap_or_else(|failure| panic!("{failure}"))
    }

    #[test]
    fn a_program_s_part_needs_the_product_and_no_clients() {
        let runs = runs("api::auth");
        assert_eq!(
            runs,
            [Run::Target {
                name: "api",
                filter: Some("auth".to_owned())
            }]
        );
        assert_eq!(runs[0].needs(), [Need::Product]);
    }

    #[test]
    fn a_package_s_short_name_means_its_unit_tests_which_need_nothing() {
        let [Run::Unit { package, filter: None }] = &runs("domain")[..] else {
            panic!("the unit tests of one package");
        };
        assert_eq!(package.name, "nexus-domain");
        assert_eq!(runs("domain")[0].needs(), []);
    }

    #[test]
    fn a_test_s_name_selects_the_program_that_has_it() {
        let runs = runs("a_test_s_name_selects_the_program");
        assert!(matches!(&runs[..], [Run::Unit { package, .. }] if package.name == "xtask"));
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        let workspace = Workspace::find().unwrap_or_else(|failure| panic!("{failure}"));
        assert!(select(&workspace, &["no", "such", "test", "anywhere"].join("_x_")).is_err());
    }
}
