//! `files`: the files that a component may read.

pub mod config;
pub mod host;

use std::path::PathBuf;

/// A folder on the host, and its path as the component sees it.
#[derive(Clone, Debug)]
pub struct Mount {
    pub host: PathBuf,
    pub guest: String,
}
