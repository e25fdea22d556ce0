//! Our own source files.

use std::fs;
use std::path::{Path, PathBuf};

use nexus_tests::repository;

pub struct Source {
    /// Relative to the repository.
    pub path: String,
    pub text: String,
}

/// Rust files below these folders, without build output.
pub fn rust(folders: &[&str]) -> Vec<Source> {
    below(folders, "rs")
}

pub fn below(folders: &[&str], extension: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in folders {
        collect(&repository().join(folder), extension, &mut sources);
    }
    sources
}

fn collect(folder: &Path, extension: &str, sources: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !matches!(name, "target" | "node_modules" | ".git") {
                collect(&path, extension, sources);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            let relative = path.strip_prefix(repository()).expect("inside").display().to_string();
            let text = fs::read_to_string(&path).expect("UTF-8");
            sources.push(Source { path: relative, text });
        }
    }
}

impl Source {
    /// Lines that are neither comments nor part of a test module, with their numbers.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..)
            .zip(self.text.lines())
            .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    pub fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs" || part == "benches")
    }
}

/// Fails with all of them at once.
#[track_caller]
pub fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}
