//! `/auth`: one file per call.

mod hashing;
mod import;
mod login;
mod mfa;
mod own_data;
mod password;
mod refresh;
mod register;
mod sessions;
mod timing;

use nexus_tests::{Account, TestApp};
use serde_json::{Value, json};

/// Fulfils all rules, and is on no list.
const PASSWORD: &str = "Quiet-River-42";

/// An account that may sign in, made the way an operator does it.
fn resident(app: &TestApp, email: &str) -> Account {
    app.admin_create(email, "STUDENT", None)
}

fn credentials(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}
