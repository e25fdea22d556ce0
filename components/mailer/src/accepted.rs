//! Notes in the key-value store: the provider has taken a mail, and the database doesn't know yet.
//!
//! A second place for when the first one is away. A note is written when settling fails, read before a mail is sent once
//! more, and deleted when the mail is settled.

use nexus_domain::ids::MailId;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    message_id: Option<String>,
}

fn key(mail: MailId) -> String {
    format!("mail-accepted/{mail}")
}

pub async fn note(mail: MailId, message_id: Option<String>) -> Result<(), String> {
    let note = serde_json::to_vec(&Note { message_id }).map_err(|error| error.to_string())?;
    key_value::set(key(mail), note).await
}

/// The provider's id, where it gave one.
pub async fn find(mail: MailId) -> Result<Option<Option<String>>, String> {
    let Some(found) = key_value::get(key(mail)).await? else {
        return Ok(None);
    };
    // That it is there says enough.
    Ok(Some(
        serde_json::from_slice(&found).map_or(None, |note: Note| note.message_id),
    ))
}

/// One that stays because this fails does no harm: the mail is settled.
pub async fn forget(mail: MailId) {
    let _ = key_value::delete(key(mail)).await;
}

#[cfg(target_arch = "wasm32")]
mod key_value {
    use std::time::Duration;

    use nexus_kit::entry::{on_this_thread, within};
    use spin_sdk::key_value::{Error, Store};

    const TIMEOUT: Duration = Duration::from_secs(1);

    async fn patiently<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
        match on_this_thread(within(TIMEOUT, work)).await {
            Some(done) => done.map_err(|error| format!("key-value store: {error}")),
            None => Err("the key-value store does not answer".to_owned()),
        }
    }

    pub async fn get(key: String) -> Result<Option<Vec<u8>>, String> {
        patiently(async { Store::open_default().await?.get(key).await }).await
    }

    pub async fn set(key: String, value: Vec<u8>) -> Result<(), String> {
        patiently(async { Store::open_default().await?.set(key, value).await }).await
    }

    pub async fn delete(key: String) -> Result<(), String> {
        patiently(async { Store::open_default().await?.delete(key).await }).await
    }
}

/// Natively (tests) a map of this process stands for it. Ids of mails are unique, so tests don't see each other's.
#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::unused_async)]
mod key_value {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};

    static STORE: LazyLock<Mutex<HashMap<String, Vec<u8>>>> = LazyLock::new(Mutex::default);

    fn with<T>(work: impl FnOnce(&mut HashMap<String, Vec<u8>>) -> T) -> Result<T, String> {
        Ok(work(&mut STORE.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub async fn get(key: String) -> Result<Option<Vec<u8>>, String> {
        with(|notes| notes.get(&key).cloned())
    }

    pub async fn set(key: String, value: Vec<u8>) -> Result<(), String> {
        with(|notes| notes.insert(key, value)).map(drop)
    }

    pub async fn delete(key: String) -> Result<(), String> {
        with(|notes| notes.remove(&key)).map(drop)
    }
}
