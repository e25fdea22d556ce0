//! `nexus openapi`: the document as the components themselves give it.

use std::io::{Write, stdout};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clap::Args;
use http::{Request, StatusCode};
use nexus_sidecar::backend::{empty, read_whole};

use crate::command::runtime;
use crate::components::Manifest;
use crate::data_dir::DataDir;
use crate::embedded;
use crate::failure::Failure;
use crate::settings_source::EnvFile;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    manifest: Manifest,
}

/// The document is a few hundred kilobytes.
const LARGEST: usize = 16 * 1024 * 1024;

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    // Nothing is kept and nothing is asked of the user's own settings.
    let folder = tempfile::tempdir().map_err(|error| Failure::failed("no temporary folder", error))?;
    let data = DataDir::open(folder.path())?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let settings = EnvFile::default().read()?.settings(address, &data)?;
    let document = runtime()?.block_on(async {
        let host = embedded::load(&arguments.manifest, &data, &settings, address, Arc::new(|_| {})).await?;
        let request = Request::get("/api/v1/openapi.json")
            .body(empty())
            .map_err(|error| Failure::failed("openapi.json", error))?;
        let answer = host.handle(request, address).await;
        if answer.status() != StatusCode::OK {
            return Err(Failure::failed("the components give no openapi.json", answer.status()));
        }
        read_whole(answer.into_body(), LARGEST)
            .await
            .map_err(|error| Failure::failed("openapi.json", error))
    })?;
    stdout()
        .write_all(&document)
        .map_err(|error| Failure::failed("the document can't be written", error))
}
