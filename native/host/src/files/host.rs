//! Copies a component's `files` into a folder of their own when the application is loaded, as Spin does.

use std::path::{Component as PathPart, Path};

use glob::Pattern;

use super::Mount;
use super::config::FilesEntry;
use crate::manifest::Component;

/// Copies the files of a component under `root` and returns the folders to mount. An error names the manifest's key and
/// the problem.
pub fn prepare(app_dir: &Path, component: &Component, root: &Path) -> Result<Vec<Mount>, (String, String)> {
    if component.files.is_empty() {
        return Ok(Vec::new());
    }
    // A pattern's paths come without a leading `./`, so they are compared with the whole path of the folder.
    let app_dir = &app_dir
        .canonicalize()
        .map_err(|e| ("files".to_owned(), format!("{}: {e}", app_dir.display())))?;
    let mut excluded = Vec::new();
    for text in &component.exclude_files {
        let pattern = Pattern::new(text).map_err(|e| ("exclude_files".to_owned(), format!("{text:?}: {e}")))?;
        excluded.push(pattern);
    }
    let copier = Copier {
        app_dir,
        root,
        excluded,
    };
    for (index, entry) in component.files.iter().enumerate() {
        copier
            .entry(entry)
            .map_err(|problem| (format!("files[{index}]"), problem))?;
    }
    std::fs::create_dir_all(root).map_err(|e| ("files".to_owned(), e.to_string()))?;
    Ok(vec![Mount {
        host: root.to_owned(),
        guest: "/".into(),
    }])
}

struct Copier<'a> {
    app_dir: &'a Path,
    root: &'a Path,
    excluded: Vec<Pattern>,
}

impl Copier<'_> {
    fn entry(&self, entry: &FilesEntry) -> Result<(), String> {
        match entry {
            FilesEntry::Pattern(pattern) => self.pattern(pattern),
            FilesEntry::Placement(placement) => {
                let destination = placement.destination.trim_start_matches('/');
                let leaves_root = Path::new(destination)
                    .components()
                    .any(|part| !matches!(part, PathPart::Normal(_) | PathPart::CurDir));
                if leaves_root {
                    return Err(format!("{:?} must be a path below `/`", placement.destination));
                }
                let source = self.app_dir.join(&placement.source);
                let target = self.root.join(destination);
                if source.is_dir() {
                    self.glob(&source.join("**/*"), &source, &target)
                } else {
                    self.file(&source, &target)
                }
            }
        }
    }

    fn pattern(&self, text: &str) -> Result<(), String> {
        let path = self.app_dir.join(text);
        let stays = Path::new(text)
            .components()
            .all(|part| matches!(part, PathPart::Normal(_) | PathPart::CurDir));
        if !stays || text == "." || text.ends_with("/.") {
            return Err(format!(
                "{text:?} must be a file, a folder or a pattern below the manifest"
            ));
        }
        if path.is_dir() {
            self.glob(&path.join("**/*"), self.app_dir, self.root)
        } else if path.exists() {
            self.file(&path, &self.root.join(text))
        } else if text.contains(['*', '?', '[']) {
            self.glob(&path, self.app_dir, self.root)
        } else {
            Err(format!("{text:?} doesn't exist and is no pattern"))
        }
    }

    fn glob(&self, pattern: &Path, base: &Path, target: &Path) -> Result<(), String> {
        let text = pattern
            .to_str()
            .ok_or_else(|| format!("{} is not valid UTF-8", pattern.display()))?;
        for path in glob::glob(text).map_err(|e| e.to_string())? {
            let path = path.map_err(|e| e.to_string())?;
            if path.is_dir() {
                continue;
            }
            let relative = path.strip_prefix(base).map_err(|e| e.to_string())?;
            self.file(&path, &target.join(relative))?;
        }
        Ok(())
    }

    fn file(&self, source: &Path, target: &Path) -> Result<(), String> {
        let in_app = source.strip_prefix(self.app_dir).unwrap_or(source);
        if self.excluded.iter().any(|p| p.matches_path(in_app)) {
            return Ok(());
        }
        let failed = |e: std::io::Error| format!("can't copy {}: {e}", source.display());
        if let Some(dir) = target.parent() {
            std::fs::create_dir_all(dir).map_err(failed)?;
        }
        std::fs::copy(source, target).map_err(failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_below_the_current_folder_is_copied() {
        let component: Component = toml::from_str("source = \"a.wasm\"\nfiles = [\"src/files/*.rs\"]").unwrap();
        let root = tempfile::tempdir().unwrap();
        prepare(Path::new("."), &component, root.path()).unwrap();
        assert!(root.path().join("src/files/host.rs").is_file());
    }
}
