//! `serve --manifest spin.toml --listen 127.0.0.1:3000 [--state-dir .spin] [--runtime-config FILE] [--cache-dir DIR]`

use std::collections::HashMap;
use std::path::PathBuf;

use nexus_host::{Host, HostConfig, serve};
use tokio::net::TcpListener;

/// Calls into guests allocate many small strings, for which the system's allocator is slow.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut options = HashMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let name = word
            .strip_prefix("--")
            .ok_or(format!("{word}: options start with --"))?;
        let value = words.next().ok_or(format!("--{name} needs a value"))?;
        options.insert(name.to_owned(), value);
    }
    let option = |name: &str, default: &str| options.get(name).cloned().unwrap_or(default.into());
    let mut config = HostConfig::new(option("manifest", "spin.toml"), option("state-dir", ".spin"));
    config.runtime_config = options.get("runtime-config").map(PathBuf::from);
    config.cache_dir = options.get("cache-dir").map(PathBuf::from);
    let started = std::time::Instant::now();
    let host = Host::load(config).await?;
    let listener = TcpListener::bind(option("listen", "127.0.0.1:3000")).await?;
    println!(
        "listening on http://{} after {:?}",
        listener.local_addr()?,
        started.elapsed()
    );
    serve(host, listener, async {
        let _ = tokio::signal::ctrl_c().await;
    })
    .await?;
    Ok(())
}
