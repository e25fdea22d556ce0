//! How callers show who they are.

use serde_json::{Value, json};

pub fn schemes() -> Value {
    json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token of `POST /api/v1/auth/login`." },
        "refreshCookie": { "type": "apiKey", "in": "cookie", "name": "__Host-nexus_refresh",
            "description": "The refresh token of `POST /api/v1/auth/login?session=cookie`. Over plain HTTP on a loopback \
                address it is called `nexus_refresh`." },
        "csrfToken": { "type": "apiKey", "in": "header", "name": "X-CSRF-Token",
            "description": "The value of the cookie `__Host-nexus_csrf`, with an `Origin` that is allowed." },
    })
}

/// By cookie these need the token against forgery too; a token in the body needs neither.
const BY_COOKIE: [&str; 2] = ["/api/v1/auth/refresh", "/api/v1/auth/logout"];

/// An operation needs an access token, unless its handler declares something else: `security(())` for a public one.
pub fn finish(path: &str, operation: &mut Value) {
    if BY_COOKIE.contains(&path) {
        operation["security"] = json!([{}, { "bearer": [] }, { "refreshCookie": [], "csrfToken": [] }]);
        return;
    }
    let declared = operation["security"].take();
    operation["security"] = match declared {
        Value::Null => json!([{ "bearer": [] }]),
        public if public == json!([{}]) => json!([]),
        other => other,
    };
}
