//! Compiled components on disk, so that a second start doesn't compile.
//!
//! The name of an entry is a hash of the component and of everything that the engine's code depends on. An entry
//! that can't be used is compiled again and replaced.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiles `wasm`, or takes what was compiled before.
pub fn compile(engine: &Engine, wasm: &[u8], dir: Option<&Path>) -> wasmtime::Result<Component> {
    let Some(dir) = dir else {
        return Component::new(engine, wasm);
    };
    let entry = entry(engine, wasm, dir);
    if entry.is_file() {
        match load(engine, &entry) {
            Ok(component) => return Ok(component),
            Err(error) => {
                tracing::warn!(file = %entry.display(), %error, "compiled code is unusable, compiling again");
            }
        }
    }
    let component = Component::new(engine, wasm)?;
    // Without the entry the next start takes longer, and that is all.
    if let Err(error) = component.serialize().and_then(|code| Ok(store(&entry, &code)?)) {
        tracing::warn!(file = %entry.display(), %error, "compiled code can't be kept");
    }
    Ok(component)
}

fn entry(engine: &Engine, wasm: &[u8], dir: &Path) -> PathBuf {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    let mut engine_hash = Fold(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut engine_hash);
    hash.update(engine_hash.0.finalize());
    hash.update(wasm);
    dir.join(format!("{}.cwasm", hex::encode(hash.finalize())))
}

/// Lets what is `Hash` into a hash that doesn't change between builds of the compiler.
struct Fold(Sha256);

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[allow(unsafe_code)]
fn load(engine: &Engine, entry: &Path) -> wasmtime::Result<Component> {
    let bytes = std::fs::read(entry)?;
    let Some((code, sum)) = bytes.split_last_chunk::<32>() else {
        return Err(wasmtime::format_err!("it is cut short"));
    };
    if Sha256::digest(code).as_slice() != sum {
        return Err(wasmtime::format_err!("its checksum doesn't match"));
    }
    // SAFETY: the bytes must be what `Component::serialize` gave. Whoever may write into the cache folder may also
    // write the `.wasm` files and this program; damage by accident is caught by the checksum just compared, and a
    // different engine by the entry's name and by wasmtime's own header.
    unsafe { Component::deserialize(engine, code) }
}

/// Written beside and renamed, so that nobody ever sees half an entry.
fn store(entry: &Path, code: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let dir = entry.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(code)?;
    file.write_all(&Sha256::digest(code))?;
    file.persist(entry)?;
    Ok(())
}
