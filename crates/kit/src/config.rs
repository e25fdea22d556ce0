//! The settings a component was granted, read once per instance.

use std::collections::BTreeMap;

use nexus_domain::settings::{self, AnySetting, Environment, NEXUS_ENV, Secret, Setting, SettingError, Settings};

use crate::ApiError;

/// Settings by variable name (lower case). One that a component was not granted is simply not here.
#[derive(Clone, Default)]
pub struct Config {
    given: BTreeMap<String, String>,
}

impl Config {
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self {
            given: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// Asks Spin for every setting in the registry.
    #[cfg(target_arch = "wasm32")]
    pub async fn from_variables() -> Self {
        let mut given = BTreeMap::new();
        for setting in nexus_domain::settings::ALL {
            let name = setting.name().to_ascii_lowercase();
            if let Ok(value) = spin_sdk::variables::get(&name).await {
                given.insert(name, value);
            }
        }
        Self { given }
    }

    /// What `nexus` says before it starts, for components that Spin starts: settings that can't be read, and in
    /// production secrets that keep nobody out, are refused before they do harm.
    pub fn validate(&self) -> Result<(), ApiError> {
        let refused = |errors: Vec<SettingError>| {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            ApiError::unavailable(format!("refused to serve with these settings: {}", errors.join("; ")))
        };
        let lookup = |name: &str| {
            let given = self.given.get(&name.to_ascii_lowercase())?;
            (!given.is_empty()).then(|| given.clone())
        };
        let absent: Vec<&dyn AnySetting> = settings::ALL
            .iter()
            .copied()
            .filter(|setting| lookup(setting.name()).is_none())
            .collect();
        let settings = Settings::read_unless_missing(lookup, &absent).map_err(refused)?;
        let in_production =
            settings.is_given(NEXUS_ENV.name()) && settings.get(&NEXUS_ENV) == Ok(Environment::Production);
        if !in_production {
            return Ok(());
        }
        let mut unfit = settings.weak_secrets();
        // A component sees only what it was granted; what it wasn't is others' to judge.
        unfit.extend(settings.unfit_for_production(|name| settings.is_given(name)));
        if unfit.is_empty() { Ok(()) } else { Err(refused(unfit)) }
    }

    /// The value of a setting; a bad one is our operator's fault and is told to the log.
    pub fn get<T>(&self, setting: &Setting<T>) -> Result<T, ApiError> {
        let text = self
            .given
            .get(&setting.variable())
            .map(String::as_str)
            .unwrap_or_default();
        setting
            .parse(text)
            .map_err(|error| ApiError::internal(error.to_string()))
    }

    /// A secret and, while it is being replaced, the one before it.
    pub fn secrets(
        &self,
        present: &Setting<Secret>,
        previous: &Setting<Option<Secret>>,
    ) -> Result<Vec<Secret>, ApiError> {
        let mut secrets = vec![self.get(present)?];
        secrets.extend(self.get(previous)?);
        Ok(secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_refused_with_secrets_that_anybody_could_guess() {
        let judge = |environment: &str, secret: &str| {
            let given = [
                ("nexus_env", environment),
                ("jwt_access_secret", secret),
                ("s3_bucket", ""),
            ];
            Config::from_pairs(given).validate()
        };
        let example = "your-access-secret-goes-here-0123456789";
        assert!(judge("development", example).is_ok());
        assert!(judge("production", "qL2m9Zt1vXc8Rb4nWs7Ty0Uk3Jh6Gf5D").is_ok());
        let problem = judge("production", example).unwrap_err();
        assert_eq!(problem.code().status().as_u16(), 503);
        let cause = problem.cause().unwrap();
        assert!(
            cause.contains("JWT_ACCESS_SECRET") && !cause.contains(example),
            "{cause}"
        );
    }

    #[test]
    fn production_is_refused_with_settings_of_a_try_out() {
        let judge = |name: &str, value: &str| {
            let given = [("nexus_env", "production"), (name, value)];
            Config::from_pairs(given).validate()
        };
        let default = settings::FRONTEND_URL.default.unwrap();
        for (name, value) in [("mail_transport", "dev"), ("frontend_url", default)] {
            let problem = judge(name, value).unwrap_err();
            assert!(problem.cause().unwrap().contains(&name.to_uppercase()), "{name}");
        }
        assert!(judge("mail_transport", "sendgrid").is_ok());
        assert!(judge("frontend_url", "https://app.example.com").is_ok());
    }

    #[test]
    fn a_setting_that_can_t_be_read_is_named() {
        let config = Config::from_pairs([("bcrypt_cost", "99"), ("throttle_ttl", "soon")]);
        let problem = config.validate().unwrap_err();
        let cause = problem.cause().unwrap();
        assert!(
            cause.contains("BCRYPT_COST") && cause.contains("THROTTLE_TTL"),
            "{cause}"
        );
    }
}
