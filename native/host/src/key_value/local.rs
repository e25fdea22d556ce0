//! Key-value stores in a SQLite file with Spin's schema, so that both hosts can use the same file.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::Mutex;

use super::config::KeyValueStore;
use super::{Backend, Reply};
use crate::bindings::key_value::Error;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,

    PRIMARY KEY (store, key)
)";
const GET: &str = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
const EXISTS: &str = "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2";
const KEYS: &str = "SELECT key FROM spin_key_value WHERE store = ?1";
const SET: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (store, key) DO UPDATE SET value = ?3";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";

/// One file, or memory. The first call opens it.
pub struct LocalStores {
    path: Option<PathBuf>,
    connections: OnceLock<Result<Connections, String>>,
}

struct Connections {
    /// Reads on a runtime thread, and never waits for a lock.
    reader: Arc<Mutex<Connection>>,
    /// Writes on a thread that may block. In memory there is only one database, so it is the reader.
    writer: Arc<Mutex<Connection>>,
}

impl LocalStores {
    pub fn new(config: KeyValueStore) -> Self {
        Self {
            path: config.path,
            connections: OnceLock::new(),
        }
    }

    /// Stores a value. Blocks.
    pub fn put(&self, store: &str, key: &str, value: &[u8]) -> rusqlite::Result<()> {
        let connections = self.open()?;
        // No other caller uses these connections.
        let writer = connections.writer.blocking_lock();
        writer.busy_timeout(std::time::Duration::from_secs(5))?;
        writer.execute(SET, (store, key, value)).map(drop)
    }

    fn connections(&self) -> Result<&Connections, Error> {
        self.connections
            .get_or_init(|| self.open().map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|error| Error::Other(error.clone()))
    }

    fn open(&self) -> rusqlite::Result<Connections> {
        let Some(path) = &self.path else {
            let memory = Connection::open_in_memory()?;
            memory.execute(TABLE, [])?;
            let memory = Arc::new(Mutex::new(memory));
            return Ok(Connections {
                reader: memory.clone(),
                writer: memory,
            });
        };
        if let Some(dir) = path.parent() {
            // If this fails, SQLite reports the error.
            let _ = std::fs::create_dir_all(dir);
        }
        let writer = Connection::open(path)?;
        // With a write-ahead log readers do not wait for a writer. Spin opens such a file as well.
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.execute(TABLE, [])?;
        let reader = Connection::open(path)?;
        reader.busy_timeout(std::time::Duration::ZERO)?;
        Ok(Connections {
            reader: Arc::new(Mutex::new(reader)),
            writer: Arc::new(Mutex::new(writer)),
        })
    }

    /// Runs on this thread if that needs no wait, otherwise on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        query: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let connections = self.connections()?;
        if let Ok(reader) = connections.reader.try_lock() {
            match query(&reader) {
                Ok(answer) => return Ok(answer),
                Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {}
                Err(error) => return Err(Error::Other(error.to_string())),
            }
        }
        run(&connections.writer, query).await
    }

    async fn write(
        &self,
        statement: impl Fn(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), Error> {
        run(&self.connections()?.writer, statement).await
    }
}

async fn run<T: Send + 'static>(
    connection: &Arc<Mutex<Connection>>,
    work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let connection = connection.clone().lock_owned().await;
    tokio::task::spawn_blocking(move || work(&connection))
        .await
        .map_err(|error| Error::Other(error.to_string()))?
        .map_err(|error| Error::Other(error.to_string()))
}

impl Backend for LocalStores {
    fn get<'a>(&'a self, store: &'a str, key: &'a str) -> Reply<'a, Option<Vec<u8>>> {
        let (store, key) = (store.to_owned(), key.to_owned());
        Box::pin(self.read(move |db| {
            db.prepare_cached(GET)?
                .query_row([&store, &key], |row| row.get(0))
                .optional()
        }))
    }

    fn set<'a>(&'a self, store: &'a str, key: &'a str, value: Vec<u8>) -> Reply<'a, ()> {
        let (store, key) = (store.to_owned(), key.to_owned());
        Box::pin(self.write(move |db| db.prepare_cached(SET)?.execute((&store, &key, &value)).map(drop)))
    }

    fn delete<'a>(&'a self, store: &'a str, key: &'a str) -> Reply<'a, ()> {
        let (store, key) = (store.to_owned(), key.to_owned());
        Box::pin(self.write(move |db| db.prepare_cached(DELETE)?.execute([&store, &key]).map(drop)))
    }

    fn exists<'a>(&'a self, store: &'a str, key: &'a str) -> Reply<'a, bool> {
        let (store, key) = (store.to_owned(), key.to_owned());
        Box::pin(self.read(move |db| db.prepare_cached(EXISTS)?.exists([&store, &key])))
    }

    fn keys<'a>(&'a self, store: &'a str) -> Reply<'a, Vec<String>> {
        let store = store.to_owned();
        Box::pin(self.read(move |db| {
            db.prepare_cached(KEYS)?
                .query_map([&store], |row| row.get(0))?
                .collect()
        }))
    }
}
