//! What a component's handlers share: the database and the settings, opened once per instance.

use std::sync::Arc;

use nexus_domain::Role;
use nexus_domain::settings;
use nexus_domain::settings::Secret;
use nexus_domain::token::AccessKey;
use nexus_store::{Database, Usage};

use crate::edge_fallback::EdgeFallback;
use crate::schema::{self, SchemaWatch};
use crate::session::Verified;
use crate::{ApiError, Config};

#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    database: Database,
    config: Config,
    access_keys: Vec<AccessKey>,
    internal_secrets: Vec<Secret>,
    verified: Verified,
    /// For batches; opened by the first.
    #[cfg(target_arch = "wasm32")]
    writer: std::sync::OnceLock<Database>,
    hsts_preload: bool,
    mfa_required_roles: Vec<Role>,
    edge_fallback: EdgeFallback,
    schema: SchemaWatch,
}

impl App {
    pub fn new(database: Database, config: Config) -> Result<Self, ApiError> {
        config.validate()?;
        let access_secrets = config.secrets(&settings::JWT_ACCESS_SECRET, &settings::JWT_ACCESS_SECRET_PREVIOUS)?;
        let access_keys = access_secrets
            .iter()
            .map(|secret| AccessKey::derive(secret.as_bytes()))
            .collect();
        let internal_secrets = config.secrets(&settings::INTERNAL_SECRET, &settings::INTERNAL_SECRET_PREVIOUS)?;
        let edge_fallback = EdgeFallback::read(&config)?;
        let hsts_preload = config.get(&settings::HSTS_PRELOAD)?;
        let mfa_required_roles = config.get(&settings::MFA_REQUIRED_ROLES)?;
        Ok(Self(Arc::new(Parts {
            database,
            config,
            access_keys,
            internal_secrets,
            verified: Verified::default(),
            #[cfg(target_arch = "wasm32")]
            writer: std::sync::OnceLock::new(),
            hsts_preload,
            mfa_required_roles,
            edge_fallback,
            schema: SchemaWatch::default(),
        })))
    }

    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// A connection of its own for batches: what they haven't committed is nobody's to read.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn writer(&self) -> Result<&Database, nexus_store::StoreError> {
        if let Some(writer) = self.0.writer.get() {
            return Ok(writer);
        }
        let opened = Database::open_beside()?;
        Ok(self.0.writer.get_or_init(|| opened))
    }

    /// Why no request can be served, when the database isn't one of this program.
    pub(crate) fn schema_problem(&self, path: &str) -> Option<ApiError> {
        match schema::needs_no_schema(path) {
            true => None,
            false => self.0.schema.problem(&self.0.database),
        }
    }

    /// What was asked of the database since this was asked last.
    pub fn take_usage(&self) -> Usage {
        let usage = self.0.database.take_usage();
        #[cfg(target_arch = "wasm32")]
        if let Some(writer) = self.0.writer.get() {
            return usage + writer.take_usage();
        }
        usage
    }

    /// Access tokens that were found good before.
    pub(crate) fn verified(&self) -> &Verified {
        &self.0.verified
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// What access tokens are signed with: the present key first.
    pub fn access_keys(&self) -> &[AccessKey] {
        &self.0.access_keys
    }

    /// What to look at where no edge did.
    pub(crate) fn edge_fallback(&self) -> &EdgeFallback {
        &self.0.edge_fallback
    }

    /// Who must have a second factor.
    pub(crate) fn mfa_required_roles(&self) -> &[Role] {
        &self.0.mfa_required_roles
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
