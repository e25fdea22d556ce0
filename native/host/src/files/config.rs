//! Entries of a component's `files` in the manifest.

use serde::Deserialize;

/// A pattern of files below the manifest, or one source with its destination.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum FilesEntry {
    Pattern(String),
    Placement(Placement),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// A file or folder, relative to the manifest.
    pub source: String,
    /// An absolute path as the component sees it.
    pub destination: String,
}
