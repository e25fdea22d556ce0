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
mod property_values;
#[cfg(any(target_arch = "wasm32", test))]
mod reopening;
mod value;

pub mod apartments;
pub mod attachments;
pub mod audit;
pub mod audit_read;
pub mod billing;
pub mod blobs;
pub mod chats;
pub mod companies;
pub mod company_day;
pub mod company_settings;
pub mod compounds;
pub mod dashboard;
pub mod decoys;
#[cfg(not(target_arch = "wasm32"))]
pub mod demo;
pub mod documents;
pub mod filter;
pub mod health;
pub mod held;
pub mod history;
pub mod idempotency;
pub mod imports;
pub mod integrity;
pub mod invoices;
pub mod job_rounds;
pub mod ledger_notices;
pub mod listing;
pub mod mail_admin;
pub mod mail_check;
pub mod mail_delivery;
pub mod maintenance;
pub mod message_words;
pub mod messages;
pub mod notifications;
pub mod occupancies;
pub mod one_time_codes;
pub mod outbox;
pub mod papers;
pub mod passkeys;
pub mod password_resets;
pub mod payments;
pub mod people;
pub mod personal_data;
pub mod references;
pub mod refreshes;
pub mod relay;
pub mod request_counts;
pub mod second_factors;
pub mod sessions;
pub mod sign_in_attempts;
pub mod sign_ins;
pub mod tenants;
pub mod user_admin;
pub mod user_imports;
pub mod users;
pub mod verification;

pub use batch::Batch;
pub use database::{Database, Engine, Share, Transaction, Usage};
pub use edited::Edited;
pub use error::StoreError;
pub use value::{FromValue, Row, Value};
