//! The component's routes, as a client sees them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod authenticator;
mod support;

mod cookies;
mod email_change;
mod me;
mod one_time_codes;
mod own_data;
mod passkeys;
mod passwords;
mod refresh;
mod registration;
mod requests;
mod second_factor;
mod sessions;
mod sign_in;
mod timing;
