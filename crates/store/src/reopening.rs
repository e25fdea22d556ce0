//! A connection that is opened anew when its server has forgotten it.
//!
//! A database server gives up streams that nobody used for a while, and all of them when it is restarted. Spin keeps
//! asking on the old one for as long as the component keeps the connection, so every later statement would fail. A
//! statement that was refused for this reason wasn't carried out, so outside of a transaction it is simply asked again.
//! Inside, nothing may be: what came before it is lost, and the transaction has to fail as a whole.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::database::{Aside, PRAGMAS};
use crate::{Row, StoreError, Value};

/// One connection.
pub(crate) trait Link: Sized {
    fn open() -> Result<Self, StoreError>;
    fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError>;
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    fn run_aside<'a>(&'a self, sql: &'static str) -> Aside<'a>;
}

pub(crate) struct Reopening<L>(Mutex<State<L>>);

struct State<L> {
    /// Whoever waits for a statement that runs aside holds it meanwhile.
    link: Arc<L>,
    in_transaction: bool,
}

impl<L: Link> Reopening<L> {
    pub fn open() -> Result<Self, StoreError> {
        Ok(Self(Mutex::new(State {
            link: Arc::new(L::open()?),
            in_transaction: false,
        })))
    }

    pub fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut answer = self.link().run(sql, params);
        if let Some(anew) = self.anew(sql, &answer)? {
            answer = anew.run(sql, params);
        }
        self.note(sql, answer.is_ok());
        answer
    }

    /// As `run`, for what takes long (natively nobody does).
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub async fn run_aside(&self, sql: &'static str) -> Result<(), StoreError> {
        let mut answer = self.link().run_aside(sql).await;
        if let Some(anew) = self.anew(sql, &answer)? {
            answer = anew.run_aside(sql).await;
        }
        self.note(sql, answer.is_ok());
        answer
    }

    /// A new connection if the old one is forgotten; given when the statement may be asked again.
    fn anew<T>(&self, sql: &str, answer: &Result<T, StoreError>) -> Result<Option<Arc<L>>, StoreError> {
        if !answer.as_ref().is_err_and(StoreError::is_connection_gone) {
            return Ok(None);
        }
        let mut state = self.state();
        let fits = !state.in_transaction;
        if fits || ends(sql) {
            state.link = Arc::new(L::open()?);
            for pragma in PRAGMAS {
                // As at the start: one that the server refuses is its own business.
                let _ = state.link.run(pragma, &[]);
            }
        }
        Ok(fits.then(|| state.link.clone()))
    }

    fn note(&self, sql: &str, is_ok: bool) {
        let mut state = self.state();
        match is_ok {
            true if sql.starts_with("BEGIN") => state.in_transaction = true,
            true if ends(sql) => state.in_transaction = false,
            _ if sql == "ROLLBACK" => state.in_transaction = false,
            _ => {}
        }
    }

    fn link(&self) -> Arc<L> {
        self.state().link.clone()
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
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

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

        fn run_aside<'a>(&'a self, sql: &'static str) -> Aside<'a> {
            Box::pin(std::future::ready(self.run(sql, &[]).map(drop)))
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
    fn a_batch_does_not_notice_it_either_before_it_has_begun() {
        let link = Reopening::<Fake>::open().unwrap();
        let aside = |sql| {
            let done = std::pin::pin!(link.run_aside(sql)).poll(&mut Context::from_waker(Waker::noop()));
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
