//! What a component's handlers share: the database and the settings, opened once per instance.

use std::sync::Arc;

use nexus_domain::settings;
use nexus_domain::settings::Secret;
use nexus_store::Database;

use crate::{Config, Problem};

#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    database: Database,
    config: Config,
    access_secrets: Vec<Secret>,
    internal_secrets: Vec<Secret>,
}

impl App {
    pub fn new(database: Database, config: Config) -> Result<Self, Problem> {
        let access_secrets = config.secrets(&settings::JWT_ACCESS_SECRET, &settings::JWT_ACCESS_SECRET_PREVIOUS)?;
        let internal_secrets = config.secrets(&settings::INTERNAL_SECRET, &settings::INTERNAL_SECRET_PREVIOUS)?;
        Ok(Self(Arc::new(Parts {
            database,
            config,
            access_secrets,
            internal_secrets,
        })))
    }

    pub fn database(&self) -> &Database {
        &self.0.database
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// What access tokens are signed with: the present secret first.
    pub fn access_secrets(&self) -> Vec<&[u8]> {
        self.0.access_secrets.iter().map(Secret::as_bytes).collect()
    }

    /// What the native side and the components sign with: the present secret first.
    pub fn internal_secrets(&self) -> Vec<&[u8]> {
        self.0.internal_secrets.iter().map(Secret::as_bytes).collect()
    }
}
