//! Where the slice runs: a product of its own, or one that somebody points it at.

use std::process::Command;
use std::time::{Duration, Instant};

use nexus_tests::{Account, Client, TestApp};

pub struct Place {
    pub admin: Account,
    pub manager: Account,
    kind: Kind,
}

enum Kind {
    Own(TestApp),
    Elsewhere { url: String, restart: Option<String> },
}

impl Place {
    pub async fn find() -> Self {
        match std::env::var("NEXUS_SLICE_URL") {
            Ok(url) => Self {
                admin: given("NEXUS_SLICE_ADMIN"),
                manager: given("NEXUS_SLICE_MANAGER"),
                kind: Kind::Elsewhere {
                    url,
                    restart: std::env::var("NEXUS_SLICE_RESTART").ok(),
                },
            },
            Err(_) => Self::own().await,
        }
    }

    async fn own() -> Self {
        let app = TestApp::start().await;
        let demo = app.demo();
        let of_role = |wanted: &str| {
            let found = demo.iter().find(|(role, _)| role == wanted);
            found
                .map(|(_, account)| account.clone())
                .expect("the demo company has one")
        };
        Self {
            admin: of_role("ADMIN"),
            manager: of_role("MANAGER"),
            kind: Kind::Own(app),
        }
    }

    pub fn url(&self) -> &str {
        match &self.kind {
            Kind::Own(app) => app.url(),
            Kind::Elsewhere { url, .. } => url,
        }
    }

    pub fn client(&self) -> Client {
        Client::new(self.url())
    }

    /// `kill -9`, then a start on the same data. Elsewhere, by the command that was given, if one was.
    pub async fn kill_and_restart(&mut self) {
        match &mut self.kind {
            Kind::Own(app) => app.restart().await,
            Kind::Elsewhere { restart: None, .. } => eprintln!("not restarted: NEXUS_SLICE_RESTART is not set"),
            Kind::Elsewhere {
                restart: Some(command), ..
            } => {
                let status = Command::new("sh").args(["-c", command]).status().expect("a shell");
                assert!(status.success(), "{command}: {status}");
                self.await_health().await;
            }
        }
    }

    async fn await_health(&self) {
        let patience = Instant::now() + Duration::from_secs(120);
        let url = format!("{}/api/v1/health/ready", self.url());
        while !reqwest::get(&url)
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            assert!(Instant::now() < patience, "{url} did not answer within two minutes");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn given(name: &str) -> Account {
    let text = std::env::var(name).unwrap_or_else(|_| panic!("{name}=email:password is needed with NEXUS_SLICE_URL"));
    let (email, password) = text
        .split_once(':')
        .unwrap_or_else(|| panic!("{name} must be email:password"));
    Account::new(email, password)
}
