//! `spin:key-value`: stores by label.

pub mod administration;
pub mod config;
mod host;
pub mod local;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::bindings::key_value::Error;

/// The backends of an application, by label.
pub type Backends = BTreeMap<String, Arc<dyn Backend>>;

pub type Reply<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// The store behind a label. `store` is the label: several labels may share one backend.
pub trait Backend: Send + Sync + 'static {
    fn get<'a>(&'a self, store: &'a str, key: &'a str) -> Reply<'a, Option<Vec<u8>>>;
    fn set<'a>(&'a self, store: &'a str, key: &'a str, value: Vec<u8>) -> Reply<'a, ()>;
    fn delete<'a>(&'a self, store: &'a str, key: &'a str) -> Reply<'a, ()>;
    fn exists<'a>(&'a self, store: &'a str, key: &'a str) -> Reply<'a, bool>;
    fn keys<'a>(&'a self, store: &'a str) -> Reply<'a, Vec<String>>;
}

/// The store resource that a guest holds.
#[derive(Clone)]
pub struct Store {
    label: Arc<str>,
    backend: Arc<dyn Backend>,
}
