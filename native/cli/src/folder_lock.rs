//! One `nexus serve` for a data folder: two would have two caches, two schedulers and two logs of one database.
//!
//! An advisory lock (flock(2)) on a file in the folder. It ends with the process, however that ends; what stands in the
//! file is only for the message of who comes second.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::failure::Failure;

const FILE: &str = "serve.lock";

/// Held for as long as it lives.
pub struct FolderLock(File);

impl FolderLock {
    /// Takes the folder, or says who has it.
    pub fn take(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let failed = |error| Failure::unusable(format!("--data: {} can't be written", path.display()), &error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Without it the message says less.
                let _ = (&mut file).take(1024).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process",
                    holder => holder,
                };
                return Err(Failure::configuration(format!(
                    "--data {}: this folder is served already, by {holder}; stop that one first, or give another folder",
                    folder.display()
                )));
            }
            // Some network file systems have no locks. It is a guard against a slip, not what the data rests on.
            Err(TryLockError::Error(error)) => {
                eprintln!("nexus: warning: {} can't be locked: {error}", path.display());
            }
        }
        let mut lock = Self(file);
        lock.write(&format!("process {} (starting)", std::process::id()));
        Ok(lock)
    }

    /// Tells whoever comes second where this one is found.
    pub fn announce(&mut self, url: &str) {
        self.write(&format!("process {} at {url}", std::process::id()));
    }

    fn write(&mut self, text: &str) {
        let written = self
            .0
            .set_len(0)
            .and_then(|()| self.0.rewind())
            .and_then(|()| writeln!(self.0, "{text}"));
        if let Err(error) = written {
            tracing::warn!(%error, "the lock of the data folder can't be written to");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is_and_gets_in_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = FolderLock::take(folder.path()).unwrap();
        first.announce("http://127.0.0.1:3000");
        let Err(Failure::Configuration(problems)) = FolderLock::take(folder.path()) else {
            panic!("two hold it");
        };
        let named = format!("by process {} at http://127.0.0.1:3000;", std::process::id());
        assert!(problems[0].contains(&named), "{problems:?}");
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }
}
