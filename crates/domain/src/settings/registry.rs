//! The settings themselves, in the order in which `.env.example` shows them.

use std::time::Duration;

use super::values::{
    self, BlobStore, Disclosure, Environment, LogFormat, MailTransport, Networks, PasswordHash, Rate, WebOrigin,
};
use super::{AnySetting, Secret, Section, Setting};
use crate::Role;

macro_rules! registry {
    ($(
        $section:ident {
            $(
                $(#[doc = $doc:literal])+
                $name:ident $(| $alias:literal)*: $type:ty = $default:expr, $example:literal, $secret:expr, $parse:expr;
            )+
        }
    )+) => {
        $($(
            $(#[doc = $doc])+
            pub static $name: Setting<$type> = Setting {
                name: stringify!($name),
                aliases: &[$($alias),*],
                default: $default,
                secret: $secret,
                section: Section::$section,
                doc: concat!($($doc, "\n"),+),
                example: $example,
                parse: $parse,
            };
        )+)+

        /// Every setting there is.
        pub static ALL: &[&dyn AnySetting] = &[$($(&$name),+),+];
    };
}

const PLAIN: bool = false;
const SECRET: bool = true;

/// The secrets that must not be guessable, as opposed to those that someone else hands out.
pub(super) static STRONG_SECRETS: [&Setting<Secret>; 4] = [
    &JWT_ACCESS_SECRET,
    &JWT_REFRESH_SECRET,
    &INTERNAL_SECRET,
    &MAIL_SEAL_KEY,
];

/// Those before them, which are good as long as they are given.
pub(super) static PREVIOUS_SECRETS: [&Setting<Option<Secret>>; 4] = [
    &JWT_ACCESS_SECRET_PREVIOUS,
    &JWT_REFRESH_SECRET_PREVIOUS,
    &INTERNAL_SECRET_PREVIOUS,
    &MAIL_SEAL_KEY_PREVIOUS,
];

fn no_text(text: &str) -> Result<Option<String>, String> {
    values::optional(text, values::text)
}

fn maybe_secret(text: &str) -> Result<Option<Secret>, String> {
    values::optional(text, values::secret)
}

fn maybe_url(text: &str) -> Result<Option<String>, String> {
    values::optional(text, values::web_url)
}

registry! {
    Serving {
        /// `development` allows weak secrets and the development mailbox, on a loopback address only.
        NEXUS_ENV | "NODE_ENV": Environment = Some("development"), "production", PLAIN, |text| values::choice(text, &[
            ("development", Environment::Development),
            ("production", Environment::Production),
            ("test", Environment::Development),
        ]);
        /// Where to listen on 127.0.0.1 when no `--listen` is given. 0 picks a free port.
        PORT: u16 = Some("3000"), "8080", PLAIN, |text| values::number(text, 0, u16::MAX);
        /// Origins of the web pages that may call, separated by commas. Links in mails lead to the first. In development
        /// `nexus` takes the port it listens on for 3000; production must set it.
        FRONTEND_URL: Vec<WebOrigin> = Some("http://localhost:3000, http://127.0.0.1:3000, http://localhost:5173, http://127.0.0.1:5173"), "https://app.example.com", PLAIN, values::web_origins;
        /// Where components post realtime events. `nexus serve` sets it to its own address.
        RELAY_URL: Option<String> = Some("http://127.0.0.1:3000"), "http://10.0.0.5:3000", PLAIN, maybe_url;
        /// Proxies whose X-Forwarded-For is believed: addresses and networks, separated by commas.
        TRUSTED_PROXIES: Networks = Some(""), "10.0.0.0/8, 127.0.0.1", PLAIN, values::networks;
        /// Adds `preload` to Strict-Transport-Security. It binds the whole domain, for a long time.
        HSTS_PRELOAD: bool = Some("false"), "true", PLAIN, values::boolean;
    }
    Secrets {
        /// Signs access tokens.
        JWT_ACCESS_SECRET | "JWT_SECRET": Secret = None, "change-me-access-secret-of-32-bytes-or-more", SECRET, values::secret;
        /// The access secret before the present one: tokens signed with it stay valid until they expire.
        JWT_ACCESS_SECRET_PREVIOUS: Option<Secret> = Some(""), "the-access-secret-used-until-now", SECRET, maybe_secret;
        /// Keys the hashes of refresh tokens.
        JWT_REFRESH_SECRET: Secret = None, "change-me-refresh-secret-of-32-bytes-or-more", SECRET, values::secret;
        /// The refresh secret before the present one.
        JWT_REFRESH_SECRET_PREVIOUS: Option<Secret> = Some(""), "the-refresh-secret-used-until-now", SECRET, maybe_secret;
        /// Signs requests between the edge and the components. All of them must share it.
        INTERNAL_SECRET: Secret = None, "change-me-internal-secret-of-32-bytes-or-more", SECRET, values::secret;
        /// The internal secret before the present one.
        INTERNAL_SECRET_PREVIOUS: Option<Secret> = Some(""), "the-internal-secret-used-until-now", SECRET, maybe_secret;
        /// Seals mails that wait in the outbox: they may carry one-time passwords.
        MAIL_SEAL_KEY: Secret = None, "change-me-mail-seal-key-of-32-bytes-or-more", SECRET, values::secret;
        /// The mail key before the present one.
        MAIL_SEAL_KEY_PREVIOUS: Option<Secret> = Some(""), "the-mail-key-used-until-now", SECRET, maybe_secret;
    }
    Sessions {
        /// How long an access token is good for.
        JWT_ACCESS_EXPIRATION: Duration = Some("15m"), "15m", PLAIN, values::positive_duration;
        /// How long a session lasts from its sign-in on. Refreshing does not prolong it.
        JWT_REFRESH_EXPIRATION: Duration = Some("7d"), "7d", PLAIN, values::positive_duration;
        /// How new passwords are hashed: bcrypt or argon2id. Older hashes are redone at sign-in.
        PASSWORD_HASH: PasswordHash = Some("bcrypt"), "argon2id", PLAIN, |text| values::choice(text, &[
            ("bcrypt", PasswordHash::Bcrypt),
            ("argon2id", PasswordHash::Argon2id),
        ]);
        /// The cost of bcrypt: each step doubles the time of a sign-in. Below 10 is for tests only.
        BCRYPT_COST: u32 = Some("12"), "12", PLAIN, |text| values::number(text, 4, 16);
        /// Roles that must set up a second factor, separated by commas.
        MFA_REQUIRED_ROLES: Vec<Role> = Some(""), "SUPER_ADMIN,ADMIN", PLAIN, values::roles;
        /// The domain that passkeys are bound to: the pages' own or one above. Empty: that of the first FRONTEND_URL.
        PASSKEY_DOMAIN: Option<String> = Some(""), "example.com", PLAIN, |text| values::optional(text, values::domain);
        /// `hidden`: registering with a taken address answers as with a free one; the owner is told by mail.
        REGISTRATION_DISCLOSURE: Disclosure = Some("open"), "hidden", PLAIN, |text| values::choice(text, &[
            ("open", Disclosure::Open),
            ("hidden", Disclosure::Hidden),
        ]);
    }
    Mail {
        /// `dev` keeps mails in the development mailbox; `sendgrid` sends them through the bound transport. Production
        /// refuses `dev`.
        MAIL_TRANSPORT: MailTransport = Some("dev"), "sendgrid", PLAIN, |text| values::choice(text, &[
            ("dev", MailTransport::Dev),
            ("sendgrid", MailTransport::Sendgrid),
        ]);
        /// The key of the SendGrid account, with the right to send mail.
        SENDGRID_API_KEY: Option<Secret> = Some(""), "SG.your-sendgrid-api-key", SECRET, maybe_secret;
        /// The sender's address, verified at SendGrid.
        SENDGRID_FROM_EMAIL: String = Some("no-reply@nexus.localhost"), "no-reply@example.com", PLAIN, |text| {
            text.parse::<crate::EmailAddress>().map(|_| text.to_owned()).map_err(|_| format!("`{text}` is not an e-mail address"))
        };
        /// The sender's name.
        SENDGRID_FROM_NAME: String = Some("Nexus"), "Example Housing", PLAIN, values::text;
        /// SendGrid's address; tests point it at a stand-in.
        SENDGRID_BASE_URL: String = Some("https://api.sendgrid.com"), "http://127.0.0.1:4010", PLAIN, values::web_url;
        /// The public key (base64) with which SendGrid signs its event webhook.
        SENDGRID_WEBHOOK_KEY: Option<String> = Some(""), "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…", PLAIN, no_text;
    }
    Limits {
        /// How long a window of the request limit is: seconds, or a duration.
        THROTTLE_TTL: Duration = Some("60"), "60", PLAIN, values::seconds;
        /// Requests per client address and window. 0 turns the limit off.
        THROTTLE_LIMIT: u32 = Some("100"), "100", PLAIN, |text| values::number(text, 0, 1_000_000_000);
        /// Addresses and networks that are not limited.
        THROTTLE_ALLOW: Networks = Some(""), "10.1.2.3, 192.168.0.0/16", PLAIN, values::networks;
        /// Counts requests in the database, where components run without the edge.
        THROTTLE_GUEST: bool = Some("false"), "true", PLAIN, values::boolean;
        /// Addresses and networks from which /api/v1/admin may be called. Empty: from anywhere.
        ADMIN_ALLOW: Networks = Some(""), "10.0.0.0/8", PLAIN, values::networks;
        /// How long dashboard figures are kept.
        CACHE_TTL: Duration = Some("5m"), "5m", PLAIN, values::positive_duration;
    }
    Storage {
        /// Where documents and attachments are kept: `kv` (key-value store) or `s3`.
        BLOB_STORE: BlobStore = Some("kv"), "s3", PLAIN, |text| values::choice(text, &[
            ("kv", BlobStore::KeyValue),
            ("s3", BlobStore::S3),
        ]);
        /// How long the content of rejected documents is kept after the decision.
        REJECTED_DOCUMENTS_KEEP: Duration = Some("30d"), "90d", PLAIN, values::positive_duration;
        /// The S3-compatible service.
        S3_ENDPOINT: String = Some("https://s3.us-east-1.amazonaws.com"), "https://s3.eu-central-1.amazonaws.com", PLAIN, values::web_url;
        /// The region to sign for.
        S3_REGION: String = Some("us-east-1"), "eu-central-1", PLAIN, values::text;
        /// The bucket.
        S3_BUCKET: Option<String> = Some(""), "nexus-documents", PLAIN, no_text;
        /// The access key's id.
        S3_ACCESS_KEY_ID: Option<Secret> = Some(""), "AKIAEXAMPLE", SECRET, maybe_secret;
        /// The access key.
        S3_SECRET_ACCESS_KEY: Option<Secret> = Some(""), "the-secret-access-key", SECRET, maybe_secret;
    }
    Realtime {
        /// Redis for several relays, `redis://` or `rediss://`. Empty: this node is alone.
        REDIS_URL: Option<String> = Some(""), "rediss://:password@redis.example.com:6379", SECRET, |text| values::optional(text, values::redis_url);
        /// Redis by host, when there is no REDIS_URL.
        REDIS_HOST: Option<String> = Some(""), "redis.internal", PLAIN, no_text;
        /// Its port.
        REDIS_PORT: u16 = Some("6379"), "6379", PLAIN, |text| values::number(text, 1, u16::MAX);
        /// Its password.
        REDIS_PASSWORD: Option<Secret> = Some(""), "the-redis-password", SECRET, maybe_secret;
        /// Open connections of a person over all sessions; the oldest ends first. A session has one: the newer replaces the older.
        CONNECTIONS_PER_USER: u32 = Some("5"), "3", PLAIN, |text| values::number(text, 1, 1_000);
        /// Chat messages per user.
        MESSAGE_RATE: Rate = Some("10/10s"), "10/10s", PLAIN, values::rate;
        /// After how long without an event from the client a connection is closed.
        INACTIVITY: Duration = Some("5m"), "5m", PLAIN, values::positive_duration;
    }
    Branding {
        /// What the product calls itself in mails and on the console.
        BRAND_NAME: String = Some("Nexus"), "Example Housing", PLAIN, values::text;
        /// The logo in mails.
        BRAND_LOGO_URL: Option<String> = Some(""), "https://example.com/logo.png", PLAIN, maybe_url;
    }
    Observing {
        /// One JSON object a line, or lines for people.
        LOG_FORMAT: LogFormat = Some("json"), "pretty", PLAIN, |text| values::choice(text, &[
            ("json", LogFormat::Json),
            ("pretty", LogFormat::Pretty),
        ]);
        /// The least level that is logged: error, warn, info, debug, trace.
        LOG_LEVEL: String = Some("info"), "debug", PLAIN, |text| {
            let levels = ["error", "warn", "info", "debug", "trace"];
            levels.contains(&text).then(|| text.to_owned()).ok_or_else(|| format!("`{text}` is none of {}", levels.join(", ")))
        };
        /// Addresses and networks from which /api/v1/metrics may be read.
        METRICS_ALLOW: Networks = Some("127.0.0.0/8, ::1"), "10.0.0.0/8", PLAIN, values::networks;
        /// A bearer token with which /api/v1/metrics may be read from anywhere.
        METRICS_TOKEN: Option<Secret> = Some(""), "a-long-random-token", SECRET, maybe_secret;
        /// Where traces will go (OTLP over HTTP). They can't be exported yet, so a value is refused.
        OTEL_EXPORTER_OTLP_ENDPOINT: Option<String> = Some(""), "http://127.0.0.1:4318", PLAIN, maybe_url;
    }
}
