//! Many writes in one commit. A commit waits for the disk, which takes about as long for one row as for fifty.

use crate::{Database, StoreError, Transaction};

/// An open transaction that takes works of several callers. Each is undone by itself when it fails; none is there
/// before the commit, and all are lost when that fails.
pub struct Batch<'a> {
    database: &'a Database,
    open: bool,
    /// What ended the transaction before its time.
    lost: Option<StoreError>,
}

impl Database {
    /// Begins a batch. Waits for the write lock without keeping others of this instance from going on.
    pub async fn batch(&self) -> Result<Batch<'_>, StoreError> {
        self.execute_aside("BEGIN IMMEDIATE").await?;
        // What failed before is no business of this one.
        self.take_failure();
        Ok(Batch {
            database: self,
            open: true,
            lost: None,
        })
    }
}

impl Batch<'_> {
    /// Runs `work`; its error undoes what it did, and nothing else.
    pub fn add<T, E: From<StoreError>>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T, E>) -> Result<T, E> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone().into());
        }
        // Released, or every page that a later work changes would be copied for the sake of all works before it.
        let made = self
            .database
            .execute("SAVEPOINT part", &[])
            .map_err(E::from)
            .and_then(|()| work(&Transaction::within(self.database)))
            .and_then(|made| Ok(self.database.execute("RELEASE part", &[]).map(|()| made)?));
        if made.is_err()
            && let Err(error) = self.database.execute("ROLLBACK TO part", &[])
        {
            self.lost = Some(error);
        }
        // After a full disk and its like SQLite has rolled everything back by itself: what others did before is gone too.
        if let Some(failure) = self.database.take_failure() {
            self.lost = Some(failure);
        }
        made
    }

    /// Makes everything last, or says that nothing does.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        if let Some(lost) = self.lost.take() {
            return Err(lost);
        }
        self.database.execute_aside("COMMIT").await?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.open {
            // Nothing is left to tell if this fails: SQLite has then rolled back by itself already.
            let _ = self.database.execute("ROLLBACK", &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Poll, Waker};

    use crate::{Database, Engine, Row, StoreError, Value, params};

    /// Natively nothing is waited for.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waits"),
        }
    }

    fn rows(database: &Database) -> Vec<i64> {
        let rows = database.query("SELECT x FROM t ORDER BY x", &[]).unwrap();
        rows.iter().map(|row| row.get(0).unwrap()).collect()
    }

    fn insert(x: i64) -> impl FnOnce(&crate::Transaction<'_>) -> Result<i64, StoreError> {
        move |tx| tx.execute("INSERT INTO t VALUES (?1)", params![x]).map(|()| x)
    }

    #[test]
    fn a_work_that_fails_undoes_itself_and_nothing_else() {
        let database = Database::in_memory().unwrap();
        database.execute("CREATE TABLE t (x UNIQUE)", &[]).unwrap();
        now(async {
            let mut batch = database.batch().await.unwrap();
            assert_eq!(batch.add(insert(1)), Ok(1));
            let refused: Result<(), StoreError> = batch.add(|tx| {
                insert(2)(tx)?;
                insert(1)(tx).map(drop)
            });
            assert!(refused.unwrap_err().is_not_unique("t.x"));
            assert_eq!(batch.add(insert(3)), Ok(3));
            batch.commit().await.unwrap();
        });
        assert_eq!(rows(&database), [1, 3]);
    }

    #[test]
    fn a_batch_that_is_dropped_leaves_nothing_behind() {
        let database = Database::in_memory().unwrap();
        database.execute("CREATE TABLE t (x UNIQUE)", &[]).unwrap();
        now(async {
            let mut batch = database.batch().await.unwrap();
            assert_eq!(batch.add(insert(1)), Ok(1));
        });
        assert!(rows(&database).is_empty());
        now(async { database.batch().await.unwrap().commit().await.unwrap() });
    }

    /// An engine whose disk is full while a switch is on, and which then rolls back by itself, as SQLite does.
    struct Full(Database, Arc<AtomicBool>);

    impl Engine for Full {
        fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
            if self.1.load(Ordering::Relaxed) && sql.starts_with("INSERT") {
                self.0.execute("ROLLBACK", &[])?;
                return Err(StoreError::Unavailable {
                    reason: "disk is full".into(),
                });
            }
            self.0.query(sql, params)
        }

        fn exclusively(&self, work: &mut dyn FnMut()) {
            work();
        }
    }

    #[test]
    fn when_the_transaction_is_lost_nobody_is_told_that_theirs_lasts() {
        let full = Arc::new(AtomicBool::new(false));
        let database = Database::open(Box::new(Full(Database::in_memory().unwrap(), full.clone())), || 0).unwrap();
        database.execute("CREATE TABLE t (x UNIQUE)", &[]).unwrap();
        now(async {
            let mut batch = database.batch().await.unwrap();
            assert_eq!(batch.add(insert(1)), Ok(1));
            full.store(true, Ordering::Relaxed);
            assert!(batch.add(insert(2)).is_err());
            full.store(false, Ordering::Relaxed);
            assert!(batch.add(insert(3)).is_err(), "it would run outside of any transaction");
            assert!(batch.commit().await.is_err());
        });
        assert!(rows(&database).is_empty());
    }
}
