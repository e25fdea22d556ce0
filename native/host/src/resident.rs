//! Returns resident memory that a process needed for its start only.

use std::fs::File;
use std::io::{BufRead, BufReader};

use rustix::mm::{Advice, madvise};

/// Drops the pages of program and component code from this process's memory, and returns the number of bytes dropped.
///
/// A start touches much code once: the command line, the linker, whole pages around each function. The pages stay in the
/// system's page cache, so code that runs again costs a minor fault. Only read-only pages that are identical to their file
/// are dropped. Without `/proc` nothing happens. The caller must keep all code mapped.
pub fn release_unused_code() -> usize {
    let Ok(smaps) = File::open("/proc/self/smaps") else {
        return 0;
    };
    let mut released = 0;
    for mapping in code(BufReader::new(smaps)) {
        if drop_pages(&mapping) {
            released += mapping.resident;
        }
    }
    released
}

#[allow(unsafe_code)]
fn drop_pages(mapping: &Mapping) -> bool {
    let start = std::ptr::with_exposed_provenance_mut(mapping.start);
    // SAFETY: the range is a private, read-only mapping of a file without modified pages. The kernel reads a dropped page from
    // the file again, so its content stays the same. The caller ensures that no code is unmapped meanwhile; nothing else in
    // this process unmaps files.
    unsafe { madvise(start, mapping.end - mapping.start, Advice::LinuxDontNeed) }.is_ok()
}

/// One mapping of `/proc/self/smaps`, see proc_pid_smaps(5). Sizes in bytes.
#[derive(Debug, Default, PartialEq)]
struct Mapping {
    start: usize,
    end: usize,
    is_private_read_only: bool,
    is_file: bool,
    resident: usize,
    /// Pages that differ from the file. In a private mapping they are anonymous.
    modified: usize,
}

impl Mapping {
    fn is_clean_code(&self) -> bool {
        self.is_private_read_only && self.is_file && self.resident > 0 && self.modified == 0
    }

    fn head(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let permissions = words.next()?;
        Some(Self {
            start: usize::from_str_radix(start, 16).ok()?,
            end: usize::from_str_radix(end, 16).ok()?,
            is_private_read_only: matches!(permissions, "r-xp" | "r--p"),
            is_file: words.nth(3).is_some_and(|path| path.starts_with('/')),
            ..Self::default()
        })
    }

    fn field(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else {
            return;
        };
        let kilobytes = value.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or(0);
        match name {
            "Rss" => self.resident = kilobytes << 10,
            // Not the dirty pages: those of a file that was just unpacked are dirty until they are written to the disk.
            "Anonymous" => self.modified = kilobytes << 10,
            _ => {}
        }
    }
}

/// Returns the mappings whose pages can be dropped. Reads line by line: the file has thousands of mappings.
fn code(smaps: impl BufRead) -> Vec<Mapping> {
    let mut code = Vec::new();
    let mut current = Mapping::default();
    for line in smaps.lines().map_while(Result::ok) {
        match Mapping::head(&line) {
            Some(next) => {
                let mapping = std::mem::replace(&mut current, next);
                code.extend(Some(mapping).filter(Mapping::is_clean_code));
            }
            None => current.field(&line),
        }
    }
    code.extend(Some(current).filter(Mapping::is_clean_code));
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
55e0a000-55e0b000 r-xp 00001000 08:01 42 /usr/bin/nexus
Rss:                   4 kB
Private_Dirty:         4 kB
Anonymous:             0 kB
55e0b000-55e0d000 r--p 00002000 08:01 42 /usr/bin/nexus
Rss:                   8 kB
Anonymous:             4 kB
55e0d000-55e0e000 rw-p 00000000 00:00 0
Rss:                   4 kB
Anonymous:             4 kB
7fff0000-7fff1000 r-xp 00000000 00:00 0 [vdso]
Rss:                   4 kB
Anonymous:             0 kB
";

    #[test]
    fn only_clean_read_only_pages_of_files_are_dropped() {
        let clean = code(SMAPS.as_bytes());
        let starts: Vec<usize> = clean.iter().map(|mapping| mapping.start).collect();
        assert_eq!(starts, [0x55e0_a000]);
        assert_eq!(clean[0].resident, 4 << 10);
    }

    #[test]
    fn code_runs_after_its_pages_were_dropped() {
        assert!(release_unused_code() > 0);
        assert!(!format!("{:?}", std::env::args()).is_empty());
    }
}
