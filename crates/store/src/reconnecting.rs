//! A connection that is opened anew when it is of no use any more.
//!
//! A database server gives up streams that nobody used for a while, and all of them when it is restarted; connections
//! break. Spin keeps asking on the old one for as long as the component keeps the connection. So it is replaced after every
//! such failure. A statement that was certainly not carried out is simply asked again, outside of a transaction.
//!
//! Inside of one, everything up to its end is refused without asking. What came before is lost, and Spin's client would
//! carry out the rest by itself, outside of any transaction.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::database::{Aside, PRAGMAS};
use crate::{Row, StoreError, Value};

/// One connection.
pub(crate) trait Connection: Sized {
    fn open() -> Result<Self, StoreError>;
    fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError>;
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    fn run_async<'a>(&'a self, sql: &'static str) -> Aside<'a>;
}

pub(crate) struct Reconnecting<L>(Mutex<State<L>>);

struct State<L> {
    /// Whoever waits for a statement that runs aside holds it meanwhile.
    link: Arc<L>,
    transaction: Transaction,
    /// Whether the connection has its pragmas still to come.
    bare: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
    /// Gone, and its caller hasn't ended it yet.
    Lost,
}

impl<L: Connection> Reconnecting<L> {
    pub fn open() -> Result<Self, StoreError> {
        Ok(Self(Mutex::new(State {
            link: Arc::new(L::open()?),
            transaction: Transaction::None,
            bare: false,
        })))
    }

    pub fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut answer = self.admit(sql)?.run(sql, params);
        if self.replace(sql, &answer)? {
            answer = self.admit(sql)?.run(sql, params);
            self.replace(sql, &answer)?;
        }
        self.note(sql, answer.is_ok());
        answer
    }

    /// As `run`, for what takes long (natively nobody does).
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub async fn run_async(&self, sql: &'static str) -> Result<(), StoreError> {
        let mut answer = self.admit(sql)?.run_async(sql).await;
        if self.replace(sql, &answer)? {
            answer = self.admit(sql)?.run_async(sql).await;
            self.replace(sql, &answer)?;
        }
        self.note(sql, answer.is_ok());
        answer
    }

    /// The connection for this statement, if it may be asked at all.
    fn admit(&self, sql: &str) -> Result<Arc<L>, StoreError> {
        let mut state = self.state();
        if state.transaction == Transaction::Lost {
            if ends(sql) || begins(sql) {
                state.transaction = Transaction::None;
            }
            if !begins(sql) {
                return Err(StoreError::Disconnected {
                    reason: "it was lost in this transaction".into(),
                    unrun: true,
                });
            }
        }
        if state.bare {
            for pragma in PRAGMAS {
                // As at the start: one that the server refuses is its own business.
                if let Err(error @ StoreError::Disconnected { .. }) = state.link.run(pragma, &[]) {
                    state.link = Arc::new(L::open()?);
                    return Err(error);
                }
            }
            state.bare = false;
        }
        Ok(state.link.clone())
    }

    /// Replaces a connection that is of no use any more; says whether the statement is to be asked again.
    fn replace<T>(&self, sql: &str, answer: &Result<T, StoreError>) -> Result<bool, StoreError> {
        let Err(StoreError::Disconnected { unrun, .. }) = answer else {
            return Ok(false);
        };
        let mut state = self.state();
        let outside = state.transaction == Transaction::None;
        if !outside && sql != "ROLLBACK" {
            state.transaction = Transaction::Lost;
        }
        state.bare = true;
        state.link = Arc::new(L::open()?);
        Ok(outside && *unrun)
    }

    fn note(&self, sql: &str, is_ok: bool) {
        let mut state = self.state();
        match is_ok {
            true if begins(sql) => state.transaction = Transaction::Open,
            true if ends(sql) => state.transaction = Transaction::None,
            _ if sql == "ROLLBACK" => state.transaction = Transaction::None,
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State<L>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By the words that `Database` uses.
fn begins(sql: &str) -> bool {
    sql.starts_with("BEGIN")
}

fn ends(sql: &str) -> bool {
    matches!(sql, "COMMIT" | "ROLLBACK")
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

    use super::*;

    thread_local! {
        static OPENED: Cell<u32> = const { Cell::new(0) };
        /// The connection that works; a server that is restarted knows only those opened afterwards.
        static KNOWN: Cell<u32> = const { Cell::new(1) };
        static RUN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
        /// What the server says to the next statement, carried out or not.
        static BROKEN: RefCell<Option<&'static str>> = const { RefCell::new(None) };
    }

    struct Fake(u32);

    impl Connection for Fake {
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
            if let Some(words) = BROKEN.take() {
                return Err(StoreError::from_message(words));
            }
            if !sql.starts_with("PRAGMA") {
                RUN.with_borrow_mut(|run| run.push(format!("{}: {sql}", self.0)));
            }
            Ok(Vec::new())
        }

        fn run_async<'a>(&'a self, sql: &'static str) -> Aside<'a> {
            Box::pin(std::future::ready(self.run(sql, &[]).map(drop)))
        }
    }

    fn run() -> Vec<String> {
        RUN.with_borrow_mut(std::mem::take)
    }

    #[test]
    fn outside_of_a_transaction_a_forgotten_connection_is_not_noticed() {
        let link = Reconnecting::<Fake>::open().unwrap();
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
    fn a_batch_does_not_notice_it_either_before_it_has_begun() {
        let link = Reconnecting::<Fake>::open().unwrap();
        let aside = |sql| {
            let done = std::pin::pin!(link.run_async(sql)).poll(&mut Context::from_waker(Waker::noop()));
            matches!(done, Poll::Ready(Ok(())))
        };
        KNOWN.set(2);
        assert!(aside("BEGIN IMMEDIATE"));
        KNOWN.set(3);
        assert!(!aside("COMMIT"), "what was in it is lost");
        assert!(aside("BEGIN IMMEDIATE"));
        assert_eq!(run(), ["2: BEGIN IMMEDIATE", "3: BEGIN IMMEDIATE"]);
    }

    #[test]
    fn in_a_transaction_nothing_of_the_rest_is_run_until_it_is_over() {
        let link = Reconnecting::<Fake>::open().unwrap();
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
        let link = Reconnecting::<Fake>::open().unwrap();
        link.run("BEGIN IMMEDIATE", &[]).unwrap();
        KNOWN.set(2);
        assert!(link.run("COMMIT", &[]).is_err());
        let _ = link.run("ROLLBACK", &[]);
        link.run("BEGIN IMMEDIATE", &[]).unwrap();
        assert_eq!(run(), ["1: BEGIN IMMEDIATE", "2: BEGIN IMMEDIATE"]);
    }

    const RESET: &str = "Hrana: `http error: `connection reset by peer``";

    #[test]
    fn a_statement_that_may_have_been_carried_out_is_not_asked_again_and_the_next_has_another_connection() {
        let link = Reconnecting::<Fake>::open().unwrap();
        BROKEN.set(Some(RESET));
        assert!(link.run("INSERT 1", &[]).is_err());
        link.run("INSERT 2", &[]).unwrap();
        assert_eq!(run(), ["2: INSERT 2"]);
    }

    #[test]
    fn nothing_slips_out_of_a_transaction_whose_connection_broke() {
        let link = Reconnecting::<Fake>::open().unwrap();
        link.run("BEGIN IMMEDIATE", &[]).unwrap();
        link.run("SAVEPOINT part", &[]).unwrap();
        BROKEN.set(Some(RESET));
        assert!(link.run("INSERT 1", &[]).is_err());
        for sql in [
            "ROLLBACK TO part",
            "SAVEPOINT part",
            "INSERT 2",
            "RELEASE part",
            "COMMIT",
        ] {
            assert!(link.run(sql, &[]).is_err(), "{sql}");
        }
        link.run("INSERT 3", &[]).unwrap();
        assert_eq!(run(), ["1: BEGIN IMMEDIATE", "1: SAVEPOINT part", "2: INSERT 3"]);
    }

    #[test]
    fn what_an_earlier_request_left_open_is_left_behind() {
        let link = Reconnecting::<Fake>::open().unwrap();
        BROKEN.set(Some("cannot start a transaction within a transaction"));
        link.run("BEGIN IMMEDIATE", &[]).unwrap();
        link.run("COMMIT", &[]).unwrap();
        assert_eq!(run(), ["2: BEGIN IMMEDIATE", "2: COMMIT"]);
    }

    #[test]
    fn a_server_that_is_away_is_asked_once_for_each_statement() {
        let link = Reconnecting::<Fake>::open().unwrap();
        for _ in 0..3 {
            BROKEN.set(Some(RESET));
            assert!(link.run("SELECT 1", &[]).is_err());
        }
        link.run("SELECT 2", &[]).unwrap();
        assert_eq!(run(), ["4: SELECT 2"]);
    }
}
