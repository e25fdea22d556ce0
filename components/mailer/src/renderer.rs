//! Makes mails of rows.

use nexus_domain::mail::{self, Template};
use nexus_domain::seal::SealKey;
use nexus_domain::settings;
use nexus_kit::{ApiError, App};
use nexus_store::mail::outbox_delivery::{LeasedMail, Rendered};
use serde_json::{Map, Value};

use crate::email_content::{self, Brand, Facts};

/// Opens their secrets and sets them in the language and look that they ask for.
pub(crate) struct Renderer {
    keys: Vec<SealKey>,
    brand_name: String,
    logo_url: Option<String>,
    frontend: String,
}

impl Renderer {
    pub fn new(app: &App) -> Result<Self, ApiError> {
        let config = app.config();
        let secrets = config.secrets(&settings::MAIL_SEAL_KEY, &settings::MAIL_SEAL_KEY_PREVIOUS)?;
        let frontend = config
            .get(&settings::FRONTEND_URL)?
            .first()
            .map(|origin| origin.as_str().to_owned())
            .unwrap_or_default();
        Ok(Self {
            keys: secrets
                .iter()
                .map(|secret| SealKey::derive(secret.as_bytes(), mail::SEAL_PURPOSE))
                .collect(),
            brand_name: config.get(&settings::BRAND_NAME)?,
            logo_url: config.get(&settings::BRAND_LOGO_URL)?,
            frontend,
        })
    }

    pub fn render(&self, leased: &LeasedMail) -> Result<Rendered, String> {
        let template: Template = leased
            .template
            .parse()
            .map_err(|_| format!("there is no template {}", leased.template))?;
        let mut values = object(leased.params.as_bytes()).ok_or("its params are no object")?;
        if let Some(sealed) = &leased.sealed {
            let context = mail::seal_context(leased.id);
            let clear = SealKey::open(&self.keys, &context, sealed)
                .map_err(|error| format!("its secret can't be opened: {error}"))?;
            values.extend(object(&clear).ok_or("its secret is no object")?);
        }
        if let Some(needed) = email_content::needed_secret(template)
            && !values.contains_key(needed)
        {
            return Err(format!("it lacks `{needed}`"));
        }
        let brand = Brand::new(
            self.brand_name.clone(),
            self.logo_url.clone(),
            self.frontend.clone(),
            &leased.branding,
        );
        email_content::render(
            template,
            &leased.locale,
            &Facts {
                values,
                recipient_name: &leased.name_to_show(),
                brand: &brand,
            },
        )
    }
}

fn object(json: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(json) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}
