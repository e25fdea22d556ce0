//! The files and packages that a branch has changed.

use std::path::PathBuf;

use crate::step::{self, Failure};
use crate::workspace::{Package, Workspace};

/// Files that differ from the commit where the branch left `main`, committed or not. Without `main`, from `HEAD`.
pub fn files(workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let git = |arguments: &[&str]| step::output(workspace.command("git").args(arguments));
    let base = git(&["merge-base", "HEAD", "main"]).unwrap_or_else(|_| "HEAD".to_owned());
    let changed = git(&["diff", "--name-only", base.trim()])?;
    let new = git(&["ls-files", "--others", "--exclude-standard"])?;
    Ok(changed.lines().chain(new.lines()).map(PathBuf::from).collect())
}

/// The packages that hold these files. A file at the root belongs to none.
pub fn packages(workspace: &Workspace, files: &[PathBuf]) -> Result<Vec<Package>, Failure> {
    let holds = |package: &Package| files.iter().any(|file| file.starts_with(&package.folder));
    let mut packages = workspace.packages()?;
    // The migrations are part of the store.
    let has_migration = files.iter().any(|file| file.starts_with("migrations"));
    packages.retain(|package| holds(package) || has_migration && package.is_called("store"));
    Ok(packages)
}
