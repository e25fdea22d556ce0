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
    hsts_preload: bool,
}

impl App {
    pub fn new(database: Database, config: Config) -> Result<Self, Problem> {
        let access_secrets = config.secrets(&settings::JWT_ACCESS_SECRET, &settings::JWT_ACCESS_SECRET_PREVIOUS)?;
        let internal_secrets = config.secrets(&settings::INTERNAL_SECRET, &settings::INTERNAL_SECRET_PREVIOUS)?;
        let hsts_preload = config.get(&settings::HSTS_PRELOAD)?;
        Ok(Self(Arc::new(Parts {
            database,
            config,
            access_secrets,
            internal_secrets,
            hsts_preload,
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

    /// Whether answers say that the domain may be put on browsers' preload lists.
    pub fn hsts_preload(&self) -> bool {
        self.0.hsts_preload
    }

    /// What the native side and the components sign with: the present secret first.
    pub fn internal_secrets(&self) -> Vec<&[u8]> {
        self.0.internal_secrets.iter().map(Secret::as_bytes).collect()
    }
}
