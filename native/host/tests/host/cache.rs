use std::fs;
use std::path::PathBuf;

use super::app::{App, text};

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
async fn a_second_start_takes_the_code_from_the_cache() {
    let app = with_own_cache();
    assert_eq!(text(&app.load().await, "/").await, "Hello, world!");
    let [entry] = entries(&app).try_into().unwrap();
    let written = fs::metadata(&entry).unwrap().modified().unwrap();
    assert_eq!(text(&app.load().await, "/").await, "Hello, world!");
    assert_eq!(entries(&app), std::slice::from_ref(&entry));
    assert_eq!(fs::metadata(&entry).unwrap().modified().unwrap(), written);
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
        fs::write(&entry, damaged).unwrap();
        assert_eq!(text(&app.load().await, "/").await, "Hello, world!");
        assert!(fs::read(&entry).unwrap().len() == good.len());
    }
}
