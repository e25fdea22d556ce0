//! `--build`: runs the build commands of the manifest.

use std::path::Path;

use crate::error::BuildError;
use crate::manifest::Manifest;

/// Runs the build commands of every component, or of the one that `only` names, each in its `workdir`. They run one after the
/// other, since they often share a compiler's lock. Equal commands in the same folder run once.
pub async fn build(manifest: &Path, only: Option<&str>) -> Result<(), BuildError> {
    let manifest = Manifest::read(manifest)?;
    if let Some(name) = only
        && !manifest.components.contains_key(name)
    {
        return Err(BuildError::UnknownComponent(name.to_owned()));
    }
    let mut done = std::collections::HashSet::new();
    for (name, component) in &manifest.components {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let Some(build) = &component.build else {
            continue;
        };
        let workdir = match &build.workdir {
            Some(workdir) => manifest.dir.join(workdir),
            None => manifest.dir.clone(),
        };
        for command in build.command.all() {
            if !done.insert((workdir.clone(), command.clone())) {
                continue;
            }
            tracing::info!(component = %name, %command, "building");
            let status = tokio::process::Command::new("/bin/sh")
                .args(["-c", command])
                .current_dir(&workdir)
                .status()
                .await
                .map_err(|source| BuildError::Start {
                    component: name.clone(),
                    command: command.clone(),
                    workdir: workdir.clone(),
                    source,
                })?;
            if !status.success() {
                return Err(BuildError::Failed {
                    component: name.clone(),
                    command: command.clone(),
                    status,
                });
            }
        }
    }
    Ok(())
}
