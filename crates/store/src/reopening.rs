//! A connection that is opened anew when its server has forgotten it.
//!
//! A database server gives up streams that nobody used for a while, and all of them when it is restarted. Spin keeps
//! asking on the old one for as long as the component keeps the connection, so every later statement would fail. A
//! statement that was refused for this reason wasn't carried out, so outside of a transaction it is simply asked again.
//! Inside, nothing may be: what came before it is lost, and the transaction has to fail as a whole.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::database::PRAGMAS;
use crate::{Row, StoreError, Value};

/// One connection.
pub(crate) trait Link: Sized {
    fn open() -> Result<Self, StoreError>;
    fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError>;
}

pub(crate) struct Reopening<L>(Mutex<State<L>>);

struct State<L> {
    link: L,
    in_transaction: bool,
}

impl<L: Link> Reopening<L> {
    pub fn open() -> Result<Self, StoreError> {
        Ok(Self(Mutex::new(State {
            link: L::open()?,
            in_transaction: false,
        })))
    }

    pub fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut state = self.state();
        let mut answer = state.link.run(sql, params);
        if answer.as_ref().is_err_and(StoreError::is_connection_gone) {
            let fits = !state.in_transaction;
            if fits || ends(sql) {
                state.link = L::open()?;
                for pragma in PRAGMAS {
                    // As at the start: one that the server refuses is its own business.
                    let _ = state.link.run(pragma, &[]);
                }
            }
            if fits {
                answer = state.link.run(sql, params);
            }
        }
        match answer.is_ok() {
            true if sql.starts_with("BEGIN") => state.in_transaction = true,
            true if ends(sql) => state.in_transaction = false,
            _ if sql == "ROLLBACK" => state.in_transaction = false,
            _ => {}
        }
        answer
    }

    fn state(&self) -> MutexGuard<'_, State<L>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By the words that `Database` uses.
fn ends(sql: &str) -> bool {
    matches!(sql, "COMMIT" | "ROLLBACK")
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    thread_local! {
        static OPENED: Cell<u32> = const { Cell::new(0) };
        /// The connection that works; a server that is restarted knows only those opened afterwards.
        static KNOWN: Cell<u32> = const { Cell::new(1) };
        static RUN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    struct Fake(u32);

    impl Link for Fake {
        fn open() -> Result<Self, StoreError> {
            OPENED.set(OPENED.get() + 1);
            Ok(Self(OPENED.get()))
        }

        fn run(&self, sql: &str, _: &[Value]) -> Result<Vec<Row>, StoreError> {
            if self.0 < KNOWN.get() {
                return Err(StoreError::from_message(
                    "Hrana: `api error: `status=400 Bad Request, body=Received an invalid baton``",
                ));
            }
            if !sql.starts_with("PRAGMA") {
                RUN.with_borrow_mut(|run| run.push(format!("{}: {sql}", self.0)));
            }
            Ok(Vec::new())
        }
    }

    fn run() -> Vec<String> {
        RUN.with_borrow_mut(std::mem::take)
    }

    #[test]
    fn outside_of_a_transaction_a_forgotten_connection_is_not_noticed() {
        let link = Reopening::<Fake>::open().unwrap();
        link.run("SELECT 1", &[]).unwrap();
        KNOWN.set(2);
        link.run("SELECT 2", &[]).unwrap();
        link.run("BEGIN IMMEDIATE", &[]).unwrap();
        link.run("COMMIT", &[]).unwrap();
        KNOWN.set(3);
        link.run("BEGIN IMMEDIATE", &[]).unwrap();
        let expected = [
            "1: SELECT 1",
            "2: SELECT 2",
            "2: BEGIN IMMEDIATE",
            "2: COMMIT",
            "3: BEGIN IMMEDIATE",
        ];
        assert_eq!(run(), expected);
    }

    #[test]
    fn in_a_transaction_nothing_of_the_rest_is_run_until_it_is_over() {
        let link = Reopening::<Fake>::open().unwrap();
        link.run("BEGIN IMMEDIATE", &[]).unwrap();
        link.run("INSERT 1", &[]).unwrap();
        KNOWN.set(2);
        assert!(link.run("INSERT 2", &[]).is_err());
        assert!(link.run("INSERT 3", &[]).is_err());
        assert!(link.run("ROLLBACK", &[]).is_err());
        link.run("SELECT 1", &[]).unwrap();
        assert_eq!(run(), ["1: BEGIN IMMEDIATE", "1: INSERT 1", "2: SELECT 1"]);
    }

    #[test]
    fn a_commit_that_didn_t_get_there_is_not_said_again() {
        let link = Reopening::<Fake>::open().unwrap();
        link.run("BEGIN IMMEDIATE", &[]).unwrap();
        KNOWN.set(2);
        assert!(link.run("COMMIT", &[]).is_err());
        let _ = link.run("ROLLBACK", &[]);
        link.run("BEGIN IMMEDIATE", &[]).unwrap();
        assert_eq!(run(), ["1: BEGIN IMMEDIATE", "2: ROLLBACK", "2: BEGIN IMMEDIATE"]);
    }
}
