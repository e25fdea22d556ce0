//! The realtime contract, against the running product.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clients;
mod crash;
mod hostile;
mod members;
mod missed;
mod nodes;
mod notices;
mod rest;
mod sessions;
mod spoiled;

use nexus_tests::{Account, Client, TestApp};
use serde_json::json;

/// Two people of the demo company and a chat of theirs.
pub struct Scene {
    pub app: TestApp,
    pub anna: Client,
    pub ben: Client,
    pub anna_id: String,
    pub ben_id: String,
    pub chat: String,
    ben_account: Account,
    /// Somebody who rents from the company and has not signed in.
    pub resident: Account,
}

impl Scene {
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let builder = settings.iter().fold(
            TestApp::builder().env("MESSAGE_RATE", "10000/1s"),
            |builder, (name, value)| builder.env(name, value),
        );
        let app = builder.start().await;
        let accounts = app.demo();
        let staff: Vec<_> = accounts
            .iter()
            .filter(|(role, _)| role == "ADMIN" || role == "MANAGER")
            .map(|(_, account)| account)
            .take(2)
            .collect();
        let [anna, ben] = staff.as_slice() else {
            panic!("the demo has an admin and a manager: {accounts:?}")
        };
        let (_, resident) = accounts.iter().find(|(role, _)| role == "TENANT").expect("a tenant");
        let resident = resident.clone();
        let ben_account = (*ben).clone();
        let (anna, ben) = (app.sign_in(anna).await, app.sign_in(ben).await);
        let (anna_id, ben_id) = (id_of(&anna).await, id_of(&ben).await);
        let body = json!({"type": "GROUP", "name": "A test", "memberIds": [ben_id]});
        let chat = anna.post("/chats", &body).await.expect(201).json()["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        Self {
            app,
            anna,
            ben,
            anna_id,
            ben_id,
            chat,
            ben_account,
            resident,
        }
    }

    /// Signs Ben in on another device: a session of its own.
    pub async fn another_device_of_ben(&self) -> Client {
        self.app.sign_in(&self.ben_account).await
    }

    pub async fn new() -> Self {
        Self::with(&[]).await
    }
}

async fn id_of(client: &Client) -> String {
    let me = client.get("/auth/me").await.expect(200).json();
    me["user"]["id"].as_str().expect("an id").to_owned()
}
