//! One `nexus serve` per data folder: two processes would run two schedulers and two caches on one database.
//!
//! An advisory lock (flock(2)) on a file in the folder. The lock ends with the process, in every case. The file's content
//! only names the process for the second one's message.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::failure::Failure;

const FILE: &str = "serve.lock";

/// Holds the lock while it lives.
pub struct FolderLock(File);

impl FolderLock {
    /// Locks the folder. The failure names the process that holds it.
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
                // The message is less precise without it.
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
            // Some network file systems have no locks. The lock guards against mistakes; the data does not depend on it.
            Err(TryLockError::Error(error)) => {
                eprintln!("nexus: warning: {} can't be locked: {error}", path.display());
            }
        }
        let mut lock = Self(file);
        lock.write(&format!("process {} (starting)", std::process::id()));
        Ok(lock)
    }

    /// Writes the address of this process into the file.
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
    fn a_second_lock_names_the_first_process_and_succeeds_after_it() {
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
