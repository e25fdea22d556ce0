//! Types and rules of Nexus.
//!
//! Nothing here does I/O, reads a clock or draws randomness: callers pass all three in, so every
//! rule can be tested with plain values. Nothing here knows HTTP or SQL either.

pub mod booking_dates;
pub mod chat;
pub mod chat_feed;
pub mod company;
pub mod company_gauges;
pub mod csv;
pub mod dashboard;
pub mod date;
pub mod document;
pub mod email;
mod field_types;
pub mod forecast;
pub mod ids;
pub mod invalid;
pub mod invoice;
pub mod keyed_hash;
pub mod ledger_texts;
pub mod mail;
pub mod maintenance;
pub mod message;
pub mod money;
pub mod notification_kind;
pub mod occupancy;
pub mod one_time_code;
pub mod page;
pub mod passkey;
pub mod password;
pub mod password_hash;
pub mod person_name;
pub mod picture;
pub mod portable_document;
pub mod premises;
pub mod proration;
pub mod refresh_token;
pub mod registration;
pub mod role;
pub mod seal;
pub mod settings;
pub mod statement_times;
pub mod status;
pub mod temporary_password;
pub mod tenant;
pub mod text;
pub mod time;
pub mod token;
pub mod totp;
pub mod user_import;

pub use email::EmailAddress;
pub use invalid::Invalid;
pub use role::Role;
pub use time::Timestamp;
