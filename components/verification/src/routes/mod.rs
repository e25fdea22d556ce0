pub mod account_acts;
pub mod audit;
pub mod case;
pub mod decisions;
pub mod documents;
pub mod internal;
pub mod users;
pub mod verifications;
