//! The mail transport of SendGrid (`POST /v3/mail/send`), offered to the mailer as `nexus:mail/transport`.
//!
//! It keeps nothing and decides nothing beyond what an answer of SendGrid means. It reaches only what the mailer
//! lets it inherit of `allowed_outbound_hosts`.

pub mod answer;
// The exports that wit-bindgen makes are `unsafe extern` functions; nothing written by hand here is unsafe.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod guest;
pub mod request;
