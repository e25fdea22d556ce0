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

pub fn finish(path: &str, operation: &mut Value) {
    if BY_COOKIE.contains(&path) {
        operation["security"] = json!([{}, { "bearer": [] }, { "refreshCookie": [], "csrfToken": [] }]);
        return;
    }
    if operation.get("security").is_some() {
        return;
    }
    // A 401 of these is about what is in the body.
    let is_public = ["/api/v1/auth/", "/api/v1/webhooks/"]
        .iter()
        .any(|start| path.starts_with(start));
    let is_asked = operation["responses"].get("401").is_some();
    operation["security"] = if is_asked && !is_public {
        json!([{ "bearer": [] }])
    } else {
        json!([])
    };
}
