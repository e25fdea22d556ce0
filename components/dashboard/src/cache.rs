//! Answers kept: by this instance in memory, and for all instances in the key-value store. Neither is believed
//! without its stamp, so losing either, or writing to it late, does no harm.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use nexus_domain::Timestamp;
use nexus_domain::ids::CompanyId;
use nexus_store::property::dashboard::Stamp;
use serde::{Deserialize, Serialize};

/// An answer and until when it is good, if nothing changes.
#[derive(Debug, Clone)]
pub struct CacheEntry {
    pub stamp: Stamp,
    pub expires: Timestamp,
    pub body: String,
}

impl CacheEntry {
    fn is_good(&self, stamp: &Stamp, now: Timestamp) -> bool {
        self.stamp == *stamp && now < self.expires
    }
}

/// How many companies an instance remembers; beyond that it asks the store.
const MAX_REMEMBERED: usize = 1_000;

static REMEMBERED: LazyLock<Mutex<HashMap<CompanyId, CacheEntry>>> = LazyLock::new(Mutex::default);

fn remember(company: CompanyId, kept: CacheEntry) {
    let mut remembered = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    if remembered.len() >= MAX_REMEMBERED && !remembered.contains_key(&company) {
        remembered.clear();
    }
    remembered.insert(company, kept);
}

/// A kept answer of exactly this state.
pub async fn find(company: CompanyId, stamp: &Stamp, now: Timestamp) -> Option<String> {
    let remembered = {
        let remembered = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
        remembered
            .get(&company)
            .filter(|kept| kept.is_good(stamp, now))
            .map(|kept| kept.body.clone())
    };
    if remembered.is_some() {
        return remembered;
    }
    let written: Written = serde_json::from_slice(&key_value::get(key(company)).await?).ok()?;
    let kept = CacheEntry {
        stamp: Stamp {
            version: written.version,
            today: written.today,
        },
        expires: Timestamp::from_millis(written.expires),
        body: written.body,
    };
    let body = kept.is_good(stamp, now).then(|| kept.body.clone())?;
    remember(company, kept);
    Some(body)
}

pub async fn keep(company: CompanyId, kept: CacheEntry) {
    let written = Written {
        version: kept.stamp.version,
        today: kept.stamp.today.clone(),
        expires: kept.expires.as_millis(),
        body: kept.body.clone(),
    };
    remember(company, kept);
    if let Ok(bytes) = serde_json::to_vec(&written) {
        key_value::set(key(company), bytes).await;
    }
}

fn key(company: CompanyId) -> String {
    format!("dashboard/{company}")
}

/// As it lies in the key-value store.
#[derive(Serialize, Deserialize)]
struct Written {
    version: i64,
    today: String,
    expires: i64,
    body: String,
}

/// The component's key-value store. A cache that fails is a cache that is empty.
#[cfg(target_arch = "wasm32")]
mod key_value {
    use std::time::Duration;

    use nexus_kit::entry::{on_this_thread, within};
    use spin_sdk::key_value::Store;

    /// Counting anew takes less.
    const TIMEOUT: Duration = Duration::from_millis(300);

    pub async fn get(key: String) -> Option<Vec<u8>> {
        let found = async move { Store::open_default().await.ok()?.get(key).await.ok()? };
        on_this_thread(within(TIMEOUT, found)).await.flatten()
    }

    pub async fn set(key: String, value: Vec<u8>) {
        let written = async move {
            if let Ok(store) = Store::open_default().await {
                let _ = store.set(key, value).await;
            }
        };
        on_this_thread(within(TIMEOUT, written)).await;
    }
}

/// Natively (tests) a map of this process stands for it.
#[cfg(not(target_arch = "wasm32"))]
mod key_value {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};

    static STORE: LazyLock<Mutex<HashMap<String, Vec<u8>>>> = LazyLock::new(Mutex::default);

    pub async fn get(key: String) -> Option<Vec<u8>> {
        STORE.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    pub async fn set(key: String, value: Vec<u8>) {
        STORE.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
    }
}
