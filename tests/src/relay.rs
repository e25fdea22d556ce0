//! `nexus relay`, before a product that runs elsewhere.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::app::listening_line;
use crate::{Client, TestApp, binary};

pub struct Relay {
    env: Vec<(String, String)>,
    upstream: String,
    process: Option<Child>,
    url: String,
}

impl TestApp {
    /// A relay before this product, with the secrets that it made for itself and, as the product, without request limit.
    pub async fn relay(&self) -> Relay {
        self.relay_with(&[]).await
    }

    /// The same with settings of its own.
    pub async fn relay_with(&self, settings: &[(&str, &str)]) -> Relay {
        let secrets = std::fs::read_to_string(self.data().join("secrets.env")).expect("the product's secrets");
        let secrets = secrets.lines().filter_map(|line| line.split_once('='));
        let env: Vec<(&str, &str)> = secrets
            .chain([("THROTTLE_LIMIT", "0")])
            .chain(settings.iter().copied())
            .collect();
        Relay::start(self.url(), &env).await
    }
}

impl Relay {
    /// `env` must have the `INTERNAL_SECRET` of the upstream.
    pub async fn start(upstream: &str, env: &[(&str, &str)]) -> Self {
        let mut relay = Self {
            env: env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            upstream: upstream.to_owned(),
            process: None,
            url: String::new(),
        };
        relay.run("127.0.0.1:0").await;
        relay
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    pub fn kill_9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it runs");
            process.wait().expect("it ends");
        }
    }

    /// Kills it and starts it again on the same port.
    pub async fn restart(&mut self) {
        self.kill_9();
        let address = self.url.trim_start_matches("http://").to_owned();
        self.run(&address).await;
    }

    async fn run(&mut self, address: &str) {
        let mut command = Command::new(binary());
        command
            .args(["relay", "--listen", address, "--upstream", &self.upstream])
            .env_clear()
            .env("LOG_LEVEL", "warn")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("nexus runs");
        let stdout = process.stdout.take().expect("piped");
        self.process = Some(process);
        let announced = tokio::task::spawn_blocking(move || listening_line(stdout));
        let announced = tokio::time::timeout(Duration::from_secs(30), announced).await;
        match announced {
            Ok(Ok(Some(url))) => self.url = url,
            _ => panic!("nexus relay did not start"),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill_9();
    }
}
