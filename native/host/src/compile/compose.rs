//! Composes a component and its dependencies into one component.
//!
//! An interface of the host that a dependency imports without a grant is imported under another name (see `denied`), so that
//! the host refuses the dependency's calls and serves those of the component itself.

use std::collections::BTreeMap;

use wac_graph::types::{ItemKind, Package};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

use crate::denied;
use crate::manifest::Inherit;

/// One entry of `[component.X.dependencies]` with the content of its file.
pub struct Part {
    /// `ns:pkg`, `ns:pkg/interface`, each possibly with `@version`, or a plain name.
    pub name: String,
    pub wasm: Vec<u8>,
    /// The dependency's export that satisfies the import. The default is the export of the same name.
    pub export: Option<String>,
    pub inherit: Inherit,
}

#[derive(Debug, thiserror::Error)]
#[error("dependency `{dependency}`: {problem}")]
pub struct ComposeError {
    pub dependency: String,
    pub problem: String,
}

pub fn compose(id: &str, wasm: Vec<u8>, parts: Vec<Part>) -> Result<Vec<u8>, ComposeError> {
    if parts.is_empty() {
        return Ok(wasm);
    }
    let own = |problem: String| ComposeError {
        dependency: id.to_owned(),
        problem,
    };
    let mut graph = CompositionGraph::new();
    let (main, imports) = instantiate(&mut graph, id, wasm).map_err(own)?;
    let mut bound: BTreeMap<String, String> = BTreeMap::new();
    for (index, part) in parts.into_iter().enumerate() {
        let name = part.name.clone();
        bind(&mut graph, index, main, &imports, &mut bound, part).map_err(|problem| ComposeError {
            dependency: name,
            problem,
        })?;
    }
    for export in exports(&graph, main) {
        let node = graph.alias_instance_export(main, &export).map_err(|e| own(chain(&e)))?;
        graph.export(node, &export).map_err(|e| own(chain(&e)))?;
    }
    graph.encode(EncodeOptions::default()).map_err(|e| own(chain(&e)))
}

fn bind(
    graph: &mut CompositionGraph,
    index: usize,
    main: NodeId,
    imports: &[String],
    bound: &mut BTreeMap<String, String>,
    part: Part,
) -> Result<(), String> {
    let matched: Vec<&String> = imports.iter().filter(|import| names(&part.name, import)).collect();
    if matched.is_empty() {
        return Err("the component doesn't import it".into());
    }
    let package = format!("dependency-{index}");
    let (provider, provider_imports) = instantiate(graph, &package, part.wasm)?;
    for import in &provider_imports {
        if denied::applies(import, &part.inherit) {
            deny(graph, index, provider, import)?;
        }
    }
    let provided = exports(graph, provider);
    for import in matched {
        if let Some(other) = bound.insert(import.clone(), part.name.clone()) {
            return Err(format!("`{import}` is bound by `{other}` already"));
        }
        let wanted = part.export.as_ref().unwrap_or(import);
        if !provided.contains(wanted) {
            return Err(format!("its component doesn't export `{wanted}`"));
        }
        let node = graph.alias_instance_export(provider, wanted).map_err(|e| chain(&e))?;
        graph
            .set_instantiation_argument(main, import, node)
            .map_err(|e| chain(&e))?;
    }
    Ok(())
}

/// Adds a component to the graph and returns its imports.
fn instantiate(graph: &mut CompositionGraph, name: &str, wasm: Vec<u8>) -> Result<(NodeId, Vec<String>), String> {
    let package = Package::from_bytes(name, None, wasm, graph.types_mut()).map_err(|e| format!("{e:#}"))?;
    let imports = graph.types()[package.ty()].imports.keys().cloned().collect();
    let package = graph.register_package(package).map_err(|e| chain(&e))?;
    Ok((graph.instantiate(package), imports))
}

fn exports(graph: &CompositionGraph, node: NodeId) -> Vec<String> {
    let Some(package) = graph[node].package() else {
        return Vec::new();
    };
    let world = graph[package].ty();
    graph.types()[world].exports.keys().cloned().collect()
}

fn deny(graph: &mut CompositionGraph, index: usize, provider: NodeId, import: &str) -> Result<(), String> {
    let Some(package) = graph[provider].package() else {
        return Ok(());
    };
    let world = graph[package].ty();
    let Some(ItemKind::Instance(interface)) = graph.types()[world].imports.get(import).copied() else {
        return Ok(());
    };
    // Without its identity, the interface is not merged with the real one that others import.
    let mut nameless = graph.types()[interface].clone();
    nameless.id = None;
    let nameless = graph.types_mut().add_interface(nameless);
    let node = graph
        .import(denied::import_name(index, import), ItemKind::Instance(nameless))
        .map_err(|e| chain(&e))?;
    graph
        .set_instantiation_argument(provider, import, node)
        .map_err(|e| chain(&e))
}

/// Whether the manifest's name of a dependency matches this import.
fn names(dependency: &str, import: &str) -> bool {
    let (dependency, wanted_version) = split_version(dependency);
    let (import, version) = split_version(import);
    let same_name = match dependency.contains('/') {
        true => dependency == import,
        false => dependency == import.split_once('/').map_or(import, |(package, _)| package),
    };
    same_name && (wanted_version.is_none() || wanted_version == version)
}

fn split_version(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (name, None),
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_package_covers_all_its_interfaces_and_a_version_only_itself() {
        assert!(names("foo:bar/baz@0.1.0", "foo:bar/baz@0.1.0"));
        assert!(names("foo:bar/baz", "foo:bar/baz@0.1.0"));
        assert!(names("foo:bar", "foo:bar/baz"));
        assert!(names("foo:bar@0.1.0", "foo:bar/baz@0.1.0"));
        assert!(names("foo-bar", "foo-bar"));
        assert!(!names("foo:bar/baz@0.1.0", "foo:bar/baz"));
        assert!(!names("foo:bar/baz", "foo:bar/bub"));
        assert!(!names("foo:bar", "foo:bub/bib"));
        assert!(!names("foo-bar", "foo:bar/baz"));
    }
}
