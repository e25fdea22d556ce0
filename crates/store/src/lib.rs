//! All SQL of Nexus, one file per table group, behind one [`Database`].
//!
//! A store function takes `&Database` (a [`Transaction`] derefs to one), runs written-out SQL and gives
//! back domain types. It decides nothing that a caller could not see from its name.

mod backfill;
mod batch;
mod database;
mod edited;
mod error;
#[cfg(target_arch = "wasm32")]
mod guest;
mod migrate;
mod migrations;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(any(target_arch = "wasm32", test))]
mod reconnecting;
mod value;

pub mod audit;
pub mod blobs;
pub mod chat;
#[cfg(not(target_arch = "wasm32"))]
pub mod demo;
pub mod filter;
pub mod health;
pub mod idempotency;
pub mod identity;
pub mod integrity;
pub mod listing;
pub mod mail;
pub mod property;
pub mod verification;

pub use batch::Batch;
pub use database::{Database, Engine, Share, Transaction, Usage};
pub use edited::Edited;
pub use error::StoreError;
pub use value::{FromValue, Row, Value};
