//! Secrets that `nexus serve` generates and stores, in development on a loopback address. A trial needs no invented
//! secrets, and a restart keeps all sessions.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nexus_domain::settings::{ALL, AnySetting};

use crate::failure::Failure;

/// Secrets without a default. They are generated if they are not set.
pub fn needed() -> impl Iterator<Item = &'static &'static dyn AnySetting> {
    ALL.iter().filter(|setting| setting.default().is_none())
}

/// Returns the secrets in the file, after generating those of `missing` that it lacks.
pub fn kept_or_made(file: &Path, missing: &[&str]) -> Result<Vec<(String, String)>, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("{} can't be used", file.display()), error);
    let mut secrets = kept(file).map_err(failed)?;
    let new: Vec<_> = missing
        .iter()
        .filter(|name| !secrets.iter().any(|(kept, _)| kept == *name))
        .map(|name| Ok(((*name).to_owned(), random_secret()?)))
        .collect::<Result<_, Failure>>()?;
    if !new.is_empty() {
        append(file, &new).map_err(failed)?;
        secrets.extend(new);
    }
    Ok(secrets)
}

pub fn kept(file: &Path) -> io::Result<Vec<(String, String)>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect())
}

fn append(file: &Path, secrets: &[(String, String)]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    for (name, value) in secrets {
        writeln!(file, "{name}={value}")?;
    }
    file.sync_all()
}

fn random_secret() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::failed("no randomness", error))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_generated_once_and_readable_by_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets.env");
        let made = kept_or_made(&file, &["INTERNAL_SECRET"]).unwrap();
        assert_eq!(made[0].1.len(), 64);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let again = kept_or_made(&file, &["INTERNAL_SECRET", "MAIL_SEAL_KEY"]).unwrap();
        assert_eq!(again[0], made[0]);
        assert_eq!(again.len(), 2);
    }
}
