//! `spin:key-value`: stores by label.

mod administration;
mod host;
mod local;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use administration::put_key_value;
pub use local::LocalStores;

use crate::bindings::key_value::Error;

/// The backends of an application, by label.
pub type Backends = BTreeMap<String, Arc<dyn Backend>>;

pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// What stands behind a label; the seam for stores that aren't files of this machine. `store` is the label: several
/// may share one backend.
pub trait Backend: Send + Sync + 'static {
    fn get<'a>(&'a self, store: &'a str, key: &'a str) -> Answer<'a, Option<Vec<u8>>>;
    fn set<'a>(&'a self, store: &'a str, key: &'a str, value: Vec<u8>) -> Answer<'a, ()>;
    fn delete<'a>(&'a self, store: &'a str, key: &'a str) -> Answer<'a, ()>;
    fn exists<'a>(&'a self, store: &'a str, key: &'a str) -> Answer<'a, bool>;
    fn keys<'a>(&'a self, store: &'a str) -> Answer<'a, Vec<String>>;
}

/// What the guest holds.
#[derive(Clone)]
pub struct Store {
    label: Arc<str>,
    backend: Arc<dyn Backend>,
}
