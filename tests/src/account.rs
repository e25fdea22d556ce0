//! Somebody who can sign in.

use serde_json::json;

use crate::{Client, TestApp};

#[derive(Debug, Clone)]
pub struct Account {
    pub email: String,
    pub password: String,
}

impl Account {
    pub fn new(email: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            email: email.into(),
            password: password.into(),
        }
    }

    /// A client with this account's access token.
    pub async fn sign_in(&self, client: &Client) -> Client {
        let credentials = json!({ "email": self.email, "password": self.password });
        let answer = client.post("/auth/login", &credentials).await.expect(200);
        client.with_token(answer.json()["accessToken"].as_str().expect("an access token"))
    }
}

impl TestApp {
    /// Signs an account in, on a client of its own.
    pub async fn sign_in(&self, account: &Account) -> Client {
        account.sign_in(&self.client()).await
    }
}
