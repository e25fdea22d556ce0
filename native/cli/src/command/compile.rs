//! `nexus compile`: compiles the components for every later start, as a step of the build. The code is stored beside them.

use std::time::Instant;

use clap::Args;

use crate::command::openapi;
use crate::components::Manifest;
use crate::failure::Failure;
use crate::progress;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    manifest: Manifest,
    /// Compiles without optimisations, for `serve --quick-compile`
    #[arg(long)]
    quick: bool,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let start = Instant::now();
    let manifest = arguments.manifest.find()?;
    let failed = |error| Failure::failed("the components can't be compiled", error);
    let ahead = nexus_host::compile_ahead(&manifest, !arguments.quick, &progress::lines()).map_err(failed)?;
    // Stored as well, so that `nexus openapi` need not load the components.
    openapi::keep(&arguments.manifest, !arguments.quick)?;
    eprintln!(
        "nexus: {} of {} components compiled in {:.1} s",
        ahead.compiled,
        ahead.components,
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
