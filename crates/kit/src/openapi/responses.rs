//! What answers have: a description, their headers, and problem documents for failures.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{PROBLEM, is_list, parameters};

pub fn headers() -> Value {
    let text = |what: &str| json!({ "description": what, "schema": { "type": "string" } });
    json!({
        "X-Request-Id": { "required": true, "description": "Names this request in the log.",
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$" } },
        "ETag": text("Names this version; give it back in `If-None-Match` or `If-Match`."),
        "Vary": text("The request headers that the answer depends on."),
        "Retry-After": { "required": true, "description": "Seconds to wait before the next try.",
            "schema": { "type": "integer", "minimum": 0 } },
        "WWW-Authenticate": { "required": true, "description": "How to authenticate.",
            "schema": { "type": "string" } },
        "Content-Disposition": text("What the file is called."),
        "Idempotency-Replayed": { "description": "`true` on the repetition of an answer by its `Idempotency-Key`.",
            "schema": { "type": "string", "enum": ["true"] } },
        "X-Cache": { "required": true, "description": "Whether the figures came from the cache.",
            "schema": { "type": "string", "enum": ["HIT", "MISS"] } },
    })
}

fn problem() -> Value {
    json!({ "application/problem+json": { "schema": { "$ref": PROBLEM } } })
}

pub fn finish(verb: &str, path: &str, operation: &mut Value) {
    let is_list = is_list(operation);
    let is_replayed = parameters(operation).any(|parameter| parameter["name"] == "Idempotency-Key");
    let is_versioned = operation["responses"].get("304").is_some() || operation["responses"].get("412").is_some();
    let common = common_failures(path, operation);
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    for (status, response) in responses.iter_mut() {
        // Left out where the code says nothing, and required by the standard.
        if response["description"].as_str().unwrap_or_default().is_empty() {
            response["description"] = reason(status).into();
        }
        let is_failure = status.starts_with('4') || status.starts_with('5');
        let has_other = response["content"]
            .as_object()
            .is_some_and(|content| content.values().any(|media| media["schema"]["$ref"] != PROBLEM));
        if is_failure && !has_other {
            response["content"] = problem();
        }
        add_binary(response);
        if has_other {
            add_header(response, "X-Request-Id");
        } else {
            add_headers(status, response);
        }
        let is_good = status.starts_with('2');
        let is_shown = is_good && !response["content"].is_null() && verb != "delete";
        if status == "304" || is_shown && (is_versioned || status == "201") {
            add_header(response, "ETag");
        }
        if is_list && (status == "200" || status == "304") {
            add_header(response, "Vary");
        }
        if is_good && is_replayed {
            add_header(response, "Idempotency-Replayed");
        }
        if is_good && path == "/api/v1/dashboard/stats" {
            add_header(response, "X-Cache");
        }
    }
    for (status, text) in common {
        responses.entry(status).or_insert_with(|| {
            let mut failure = json!({ "description": text, "content": problem() });
            add_headers(status, &mut failure);
            failure
        });
    }
    let mut failure = json!({ "description": "A failure; `code` says which.", "content": problem() });
    add_header(&mut failure, "X-Request-Id");
    responses.insert("default".into(), failure);
}

/// The failures that follow from what an operation takes and who may call it. Handlers declare the others.
///
/// 405 is not among them: it is the answer to a method that a path does not have.
fn common_failures(path: &str, operation: &Value) -> Vec<(&'static str, &'static str)> {
    // Health is never throttled and needs no database.
    if path == "/api/v1/health" || path == "/api/v1/health/ready" {
        return Vec::new();
    }
    let takes = |place: &str, name: Option<&str>| {
        parameters(operation)
            .any(|parameter| parameter["in"] == place && name.is_none_or(|name| parameter["name"] == name))
    };
    let has_body = !operation["requestBody"].is_null();
    let mut common = vec![("429", "Too many requests."), ("503", "Not available right now.")];
    if has_body || takes("query", None) {
        common.push(("400", "The request is not valid; `errors` names the wrong fields."));
    }
    if has_body {
        common.push(("413", "The body is too large."));
        common.push((
            "415",
            "The body has a type or an encoding that this operation does not take.",
        ));
    }
    if path.contains('{') || takes("query", Some("companyId")) {
        common.push(("404", "There is nothing under this id, or it is another company's."));
    }
    if takes("header", Some("Idempotency-Key")) {
        common.push((
            "409",
            "The state does not allow it, or a request with this `Idempotency-Key` is running.",
        ));
        common.push((
            "422",
            "A rule forbids it, or this `Idempotency-Key` belongs to another request.",
        ));
    }
    if operation["security"] == json!([{ "bearer": [] }]) {
        common.push(("401", "No access token, or one that is not good any more."));
        common.push((
            "403",
            "Not with this role, or something else is to be done first; `code` says which.",
        ));
    }
    common
}

fn add_headers(status: &str, response: &mut Value) {
    add_header(response, "X-Request-Id");
    match status {
        "401" => add_header(response, "WWW-Authenticate"),
        "429" | "503" => add_header(response, "Retry-After"),
        _ => {}
    }
}

fn add_header(response: &mut Value, name: &str) {
    if !response["headers"].is_object() {
        response["headers"] = Value::Object(Map::new());
    }
    response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
}

/// A file is bytes. It is named by its own type, and by the one under which every generator knows what bytes are.
fn add_binary(response: &mut Value) {
    let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) else {
        return;
    };
    let is_file = |name: &str| !name.ends_with("json") && !name.starts_with("text/");
    if !content.keys().any(|name| is_file(name)) {
        return;
    }
    let bytes = json!({ "schema": { "type": "string", "format": "binary" } });
    for (name, media) in content.iter_mut() {
        if is_file(name) {
            *media = bytes.clone();
        }
    }
    content.entry("application/octet-stream").or_insert(bytes);
    add_header(response, "Content-Disposition");
}

fn reason(status: &str) -> &'static str {
    status
        .parse()
        .ok()
        .and_then(|status: StatusCode| status.canonical_reason())
        .unwrap_or("An answer")
}
