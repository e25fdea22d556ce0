use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nexus_host::{Preparing, ProgressSink, compile_ahead};

use super::app::{App, fixtures, text};

fn entries(app: &App) -> Vec<PathBuf> {
    let dir = app.config.cache_dir.as_ref().unwrap();
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn with_own_cache() -> App {
    let mut app = App::one("hello", "");
    app.config.cache_dir = Some(app.dir.path().join("cache"));
    app
}

#[tokio::test]
async fn a_second_start_loads_the_code_from_the_cache() {
    let app = with_own_cache();
    assert_eq!(text(&app.load().await, "/").await, "Hello, world!");
    let [entry] = entries(&app).try_into().unwrap();
    let written = fs::metadata(&entry).unwrap().modified().unwrap();
    assert_eq!(text(&app.load().await, "/").await, "Hello, world!");
    assert_eq!(entries(&app), std::slice::from_ref(&entry));
    assert_eq!(fs::metadata(&entry).unwrap().modified().unwrap(), written);
}

/// Replaces a file by a new one, since the old one may be mapped.
fn replace(file: &Path, content: &[u8]) {
    let new = file.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, file).unwrap();
}

#[tokio::test]
async fn damaged_code_is_compiled_again() {
    let app = with_own_cache();
    app.load().await;
    let [entry] = entries(&app).try_into().unwrap();
    let good = fs::read(&entry).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for damaged in [Vec::new(), good[..good.len() / 2].to_vec(), flipped] {
        replace(&entry, &damaged);
        assert_eq!(text(&app.load().await, "/").await, "Hello, world!");
        assert!(fs::read(&entry).unwrap().len() == good.len());
    }
}

/// A progress sink that counts the compiled components.
fn counting() -> (ProgressSink, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let sink: ProgressSink = Arc::new(move |preparing| {
        if let Preparing::Compiled { .. } = preparing {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (sink, count)
}

fn code_beside(app: &App) -> Vec<PathBuf> {
    let entries = fs::read_dir(app.dir.path().join("compiled")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn code_compiled_ahead_is_used_with_any_state_and_cache_folder() {
    let (progress, compiled) = counting();
    let mut app = App::new(
        r#"
[[trigger.http]]
route = "/..."
component = "hello"
[component.hello]
source = "hello.wasm"
"#,
    );
    let wasm = app.dir.path().join("hello.wasm");
    fs::copy(fixtures().join("fixture_hello.wasm"), &wasm).unwrap();
    let ahead = compile_ahead(&app.config.manifest, true, &progress).unwrap();
    assert_eq!((ahead.compiled, ahead.components), (1, 1));
    assert_eq!(
        compile_ahead(&app.config.manifest, true, &progress).unwrap().compiled,
        0
    );
    assert_eq!(compiled.load(Ordering::Relaxed), 1);
    let [code] = code_beside(&app).try_into().unwrap();

    app.config.progress = progress;
    for cache in ["one", "two"] {
        app.config.cache_dir = Some(app.dir.path().join(cache));
        app.config.state_dir = app.dir.path().join(cache).join("state");
        let host = app.load().await;
        assert_eq!(text(&host, "/").await, "Hello, world!");
        assert!(is_mapped(&code));
    }
    assert_eq!(compiled.load(Ordering::Relaxed), 1);

    // Damaged code is detected, and the component is compiled again.
    let good = fs::read(&code).unwrap();
    replace(&code, &good[1..]);
    assert_eq!(text(&app.load().await, "/").await, "Hello, world!");
    assert_eq!(compiled.load(Ordering::Relaxed), 2);

    // Another component of the same name has code of its own, and the old code is removed.
    fs::copy(fixtures().join("fixture_given.wasm"), &wasm).unwrap();
    assert!(text(&app.load().await, "/").await.starts_with("uri="));
    assert_eq!(
        compile_ahead(&app.config.manifest, true, &app.config.progress)
            .unwrap()
            .compiled,
        1
    );
    let [other] = code_beside(&app).try_into().unwrap();
    assert_ne!(code, other);
}

/// Whether this process maps the file.
fn is_mapped(file: &Path) -> bool {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.contains(file.file_name().unwrap().to_str().unwrap())
}
