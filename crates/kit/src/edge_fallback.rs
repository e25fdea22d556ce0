//! What the edge does before it calls a component, for components that are called without one (plain `spin up`).

use std::net::IpAddr;

use nexus_domain::settings::{self, Networks};
use nexus_protocol::edge::{is_admin, is_throttled, subscriber};
use nexus_store::identity::request_counts::{self, CountLimit};

use crate::{ApiError, App, Code, Config, clock, writes};

pub struct EdgeFallback {
    admins: Networks,
    /// Only with `THROTTLE_GUEST`: each request then costs a write.
    limit: Option<CountLimit>,
    exempt: Networks,
}

impl EdgeFallback {
    pub fn read(config: &Config) -> Result<Self, ApiError> {
        let most = config.get(&settings::THROTTLE_LIMIT)?;
        let window = config.get(&settings::THROTTLE_TTL)?;
        let counts = config.get(&settings::THROTTLE_GUEST)? && most > 0;
        Ok(Self {
            admins: config.get(&settings::ADMIN_ALLOW)?,
            limit: counts.then(|| CountLimit {
                most: most.into(),
                window_millis: i64::try_from(window.as_millis()).unwrap_or(i64::MAX),
            }),
            exempt: config.get(&settings::THROTTLE_ALLOW)?,
        })
    }

    /// Whether a request from this address may go on.
    pub async fn admit(&self, app: &App, address: &str, method: &str, path: &str) -> Result<(), ApiError> {
        let address: Option<IpAddr> = address.parse().ok();
        let is_among = |networks: &Networks| address.is_some_and(|address| networks.contains(address));
        if is_admin(path) && !self.admins.is_empty() && !is_among(&self.admins) {
            return Err(ApiError::new(
                Code::IpNotAllowed,
                "This may not be called from your network address.",
            ));
        }
        let Some(limit) = self.limit else { return Ok(()) };
        if !is_throttled(method, path) || is_among(&self.exempt) {
            return Ok(());
        }
        let now = clock::now();
        let key = match address {
            Some(address) => format!("request:{}", subscriber(address)),
            None => "request:unknown".to_owned(),
        };
        let turn = writes::write_permit().await;
        let counted = request_counts::count(app.database(), &key, limit, now)?;
        drop(turn);
        counted.map_err(|window_ends| {
            ApiError::new(
                Code::RateLimitExceeded,
                format!(
                    "At most {} requests are answered in this time. Try again later.",
                    limit.most
                ),
            )
            .retry_after(now.seconds_until(window_ends))
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use http::{Request, StatusCode};
    use nexus_store::Database;
    use tower_service::Service;

    use super::*;
    use crate::layers::{self, Layered};

    fn product(settings: &[(&str, &str)]) -> Layered {
        let database = Database::in_memory().unwrap();
        let secrets = [
            ("jwt_access_secret", "an access secret for tests only, long enough"),
            ("internal_secret", "an internal secret for tests only, long enough"),
        ];
        let config = Config::from_pairs(secrets.iter().chain(settings).copied());
        let answers = || async { "answered" };
        let routes = Router::new()
            .route("/api/v1/chats", get(answers))
            .route("/api/v1/admin/users", get(answers));
        layers::wrap(routes, App::new(database, config).unwrap())
    }

    async fn ask(product: &mut Layered, path: &str, address: &str) -> axum::response::Response {
        let request = Request::get(path)
            .header("spin-client-addr", address)
            .body(Body::empty());
        product.call(request.unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn requests_are_counted_by_address_where_the_settings_say_so() {
        let limited = [
            ("throttle_guest", "true"),
            ("throttle_limit", "2"),
            ("throttle_allow", "10.0.0.0/8"),
        ];
        let mut product = product(&limited);
        for (address, expected) in [
            ("192.0.2.1:4000", StatusCode::OK),
            ("192.0.2.1:4001", StatusCode::OK),
            ("192.0.2.1:4002", StatusCode::TOO_MANY_REQUESTS),
            ("192.0.2.2:4000", StatusCode::OK),
            ("[2001:db8::1]:4000", StatusCode::OK),
            ("[2001:db8::2]:4000", StatusCode::OK),
            ("[2001:db8::3]:4000", StatusCode::TOO_MANY_REQUESTS),
            ("[2001:db8:0:1::3]:4000", StatusCode::OK),
        ] {
            let answer = ask(&mut product, "/api/v1/chats", address).await;
            assert_eq!(answer.status(), expected, "{address}");
            let waits = answer.headers().get("retry-after").is_some();
            assert_eq!(waits, expected == StatusCode::TOO_MANY_REQUESTS);
        }
        for _ in 0..5 {
            assert_eq!(
                ask(&mut product, "/api/v1/chats", "10.1.1.1:1").await.status(),
                StatusCode::OK
            );
        }
    }

    #[tokio::test]
    async fn without_the_setting_nothing_is_counted() {
        let mut product = product(&[("throttle_limit", "1")]);
        for _ in 0..3 {
            assert_eq!(
                ask(&mut product, "/api/v1/chats", "192.0.2.1:1").await.status(),
                StatusCode::OK
            );
        }
    }

    #[tokio::test]
    async fn administration_is_let_in_from_where_the_settings_say_only() {
        let mut product = product(&[("admin_allow", "10.0.0.0/8")]);
        for (path, address, expected) in [
            ("/api/v1/admin/users", "10.1.1.1:1", StatusCode::OK),
            ("/api/v1/admin/users", "192.0.2.1:1", StatusCode::FORBIDDEN),
            ("/api/v1/admin/users", "unknown", StatusCode::FORBIDDEN),
            ("/api/v1/chats", "192.0.2.1:1", StatusCode::OK),
        ] {
            let answer = ask(&mut product, path, address).await;
            assert_eq!(answer.status(), expected, "{path} from {address}");
        }
    }
}
