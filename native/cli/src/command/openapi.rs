//! `nexus openapi`: prints the OpenAPI document that the components serve.

use std::fs;
use std::io::{Write, stdout};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use http::{Request, StatusCode};
use nexus_sidecar::backend::{empty, read_whole};

use crate::command::runtime;
use crate::components::Manifest;
use crate::data_dir::DataDir;
use crate::embedded::{self, Location};
use crate::failure::Failure;
use crate::progress;
use crate::settings_source::EnvFile;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    manifest: Manifest,
}

/// Bytes. The document has a few hundred kilobytes.
const MAX_DOCUMENT_BYTES: usize = 16 * 1024 * 1024;
const PREFIX: &str = "openapi-";

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    // The build stores it beside the components' code. Without it, the components generate it.
    let document = match fs::read(kept(&arguments.manifest.find()?)?) {
        Ok(document) => document,
        Err(_) => generate(&arguments.manifest, user_cache(), true)?,
    };
    stdout()
        .write_all(&document)
        .map_err(|error| Failure::failed("the document can't be written", error))
}

/// Stores the document beside the components' code and removes those of other builds.
pub fn keep(manifest: &Manifest, optimize: bool) -> Result<(), Failure> {
    let file = kept(&manifest.find()?)?;
    if file.is_file() {
        return Ok(());
    }
    let failed = |error| Failure::failed(format!("{} can't be written", file.display()), error);
    let folder = file.parent().unwrap_or(Path::new("."));
    let document = generate(manifest, None, optimize)?;
    for entry in fs::read_dir(folder).map_err(failed)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    let mut written = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    written.write_all(&document).map_err(failed)?;
    // Readable by all, like the code beside it.
    let readable = fs::Permissions::from_mode(0o644);
    written.as_file().set_permissions(readable).map_err(failed)?;
    written.persist(&file).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The path of the document for exactly these components.
fn kept(manifest: &Path) -> Result<PathBuf, Failure> {
    let (folder, name) =
        nexus_host::fingerprint(manifest).map_err(|error| Failure::failed("the components can't be read", error))?;
    Ok(folder.join(format!("{PREFIX}{name}.json")))
}

/// The user's folder for code that was not compiled ahead.
fn user_cache() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache.map(|cache| cache.join("nexus"))
}

fn generate(manifest: &Manifest, code_cache: Option<PathBuf>, optimize: bool) -> Result<Vec<u8>, Failure> {
    // A temporary data folder and the default env file suffice.
    let folder = tempfile::tempdir().map_err(|error| Failure::failed("no temporary folder", error))?;
    let data = DataDir::open(folder.path())?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let settings = EnvFile::default().read()?.settings(address, &data)?;
    let location = Location {
        data: &data,
        optimize,
        code_cache,
        address,
    };
    runtime()?.block_on(async {
        let host = embedded::load(manifest, location, &settings, Arc::new(|_| {}), progress::lines()).await?;
        let request = Request::get("/api/v1/openapi.json")
            .body(empty())
            .map_err(|error| Failure::failed("openapi.json", error))?;
        let answer = host.handle(request, address).await;
        if answer.status() != StatusCode::OK {
            return Err(Failure::failed("the components give no openapi.json", answer.status()));
        }
        let document = read_whole(answer.into_body(), MAX_DOCUMENT_BYTES).await;
        let document = document.map_err(|error| Failure::failed("openapi.json", error))?;
        Ok(document.to_vec())
    })
}
