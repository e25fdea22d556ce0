//! Compiled components on disk, so that a start does not compile.
//!
//! An entry is searched beside the component's own file, where a build stores it ([`BESIDE`]), and in the embedder's cache
//! folder. Its name is a hash of the component's parts and of everything that the engine's code depends on. It is mapped
//! into memory, not read, so code that does not run takes up no memory. An unusable entry is compiled again.

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The folder beside a component's file that holds its compiled code.
pub const BESIDE: &str = "compiled";
const EXTENSION: &str = "cwasm";
/// Length of the checksum at the end of an entry, in bytes.
const SUM: u64 = 32;

/// A hash that names an entry.
pub struct Key(Sha256);

impl Key {
    pub fn new() -> Self {
        Self(Sha256::new())
    }

    pub fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    /// Adds the content of a file. Reads it in pieces.
    pub fn file(&mut self, path: &Path) -> io::Result<()> {
        self.0.update(sum(&mut File::open(path)?)?);
        Ok(())
    }

    /// The name, independent of the engine.
    pub fn name(self) -> String {
        hex::encode(self.0.finalize())
    }

    /// The name of the code for this engine.
    pub fn compiled(mut self, engine: &Engine) -> String {
        self.text(env!("CARGO_PKG_VERSION"));
        engine.precompile_compatibility_hash().hash(&mut Fold(&mut self.0));
        format!("{}.{EXTENSION}", self.name())
    }
}

/// Feeds a `Hash` value into SHA-256, which is the same for all builds of the host.
struct Fold<'a>(&'a mut Sha256);

impl Hasher for Fold<'_> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// The folder beside a component's file.
pub fn beside(component: &Path) -> PathBuf {
    component.parent().unwrap_or(Path::new(".")).join(BESIDE)
}

/// Loads an entry from the first folder that has it.
pub fn find(engine: &Engine, name: &str, folders: &[PathBuf]) -> Option<Component> {
    folders.iter().find_map(|folder| {
        let entry = folder.join(name);
        match load(engine, &entry) {
            Ok(component) => Some(component),
            Err(error) if is_missing(&error) => None,
            Err(error) => {
                tracing::warn!(file = %entry.display(), "the compiled code is unusable: {error:#}");
                None
            }
        }
    })
}

fn is_missing(error: &wasmtime::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

#[allow(unsafe_code)]
fn load(engine: &Engine, entry: &Path) -> wasmtime::Result<Component> {
    check(&mut File::open(entry)?)?;
    // SAFETY: the file must hold what `Component::serialize` gave, and must not change. Whoever may write into these folders may
    // also write the `.wasm` files and this program; damage by accident is caught by the checksum just compared, and a
    // different engine by the entry's name and by wasmtime's own header. Entries are replaced, never written to.
    unsafe { Component::deserialize_file(engine, entry) }
}

fn check(file: &mut File) -> wasmtime::Result<()> {
    let Some(size) = file.metadata()?.len().checked_sub(SUM) else {
        return Err(wasmtime::format_err!("the file is truncated"));
    };
    let found = sum(&mut Read::by_ref(file).take(size))?;
    let mut expected = Vec::new();
    file.seek(io::SeekFrom::Start(size))?;
    file.read_to_end(&mut expected)?;
    match found.as_slice() == expected {
        true => Ok(()),
        false => Err(wasmtime::format_err!("the checksum does not match")),
    }
}

fn sum(from: &mut impl Read) -> io::Result<[u8; SUM as usize]> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 256 << 10];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(hash.finalize().into()),
            size => hash.update(&piece[..size]),
        }
    }
}

/// Compiles a component and stores the code in `folder`. If it cannot be stored, the next start compiles again.
pub fn compile(engine: &Engine, wasm: &[u8], name: &str, folder: Option<&Path>) -> wasmtime::Result<Component> {
    let component = Component::new(engine, wasm)?;
    let Some(folder) = folder else {
        return Ok(component);
    };
    let kept = component.serialize().and_then(|code| Ok(store(folder, name, &code)?));
    if let Err(error) = kept {
        tracing::warn!(folder = %folder.display(), "the compiled code cannot be stored: {error:#}");
        return Ok(component);
    }
    // Mapped as on later starts, instead of kept in anonymous memory.
    Ok(load(engine, &folder.join(name)).unwrap_or(component))
}

/// Writes a temporary file and renames it, so that no reader sees a partial entry.
fn store(folder: &Path, name: &str, code: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(code)?;
    file.write_all(&sum(&mut &*code)?)?;
    // Other users may run it: it is as readable as the component itself.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.persist(folder.join(name))?;
    Ok(())
}

/// Removes all entries but these.
pub fn keep_only(folder: &Path, names: &[String]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_code = path.extension().is_some_and(|extension| extension == EXTENSION);
        let is_kept = path
            .file_name()
            .is_some_and(|name| names.iter().any(|kept| **kept == *name));
        if is_code && !is_kept {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
