//! Accounts: people, sessions, sign-in, codes, second factors.

pub mod companies;
pub mod decoys;
pub mod one_time_codes;
pub mod passkeys;
pub mod password_resets;
pub mod personal_data;
pub mod refresh_tokens;
pub mod request_counts;
pub mod second_factors;
pub mod sessions;
pub mod sign_in_attempts;
pub mod sign_ins;
pub mod user_admin;
pub mod user_imports;
pub mod users;
