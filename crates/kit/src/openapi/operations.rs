//! What every operation has: a tag that is described, the validators it reads.

use serde_json::{Value, json};

use super::{bounds, is_list, parameters};

/// What the tags of operations mean.
pub fn tags() -> Value {
    let tags = [
        ("auth", "Accounts, sessions, passwords and second factors."),
        (
            "verification",
            "Documents that prove who somebody is, and the decisions on them.",
        ),
        ("admin", "People, the audit log and the outbox, for admins."),
        ("chats", "Chats, messages, attachments, presence and notifications."),
        ("companies", "Companies and their settings."),
        ("compounds", "Groups of apartments at one address."),
        ("apartments", "What is let."),
        ("tenants", "Who rents."),
        ("occupancies", "Who rents what, from when to when."),
        ("invoices", "What tenants are billed."),
        ("payments", "What tenants have paid."),
        ("maintenance", "What is to be mended."),
        ("dashboard", "A company in figures."),
        ("operations", "Health, and this document."),
        ("webhooks", "Called by the mail provider."),
        ("dev", "For development only: the mails that would have been sent."),
    ];
    tags.iter()
        .map(|(name, text)| json!({ "name": name, "description": text }))
        .collect()
}

pub fn finish(operation: &mut Value, schemas: &Value) {
    // Indexing would make a place for what isn't there.
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    parameters.into_iter().flatten().for_each(bounds::parameter);
    finish_body(operation, schemas);
    for (status, name, what) in [
        (
            "304",
            "If-None-Match",
            "An `ETag` that the client has already: then the answer is 304.",
        ),
        (
            "412",
            "If-Match",
            "The `ETag` that was read before: of another version the answer is 412.",
        ),
    ] {
        if operation["responses"].get(status).is_some() {
            add_header(operation, name, what);
        }
    }
    if is_list(operation) {
        let text = operation["description"].as_str().unwrap_or_default();
        let table = "With `Accept: text/csv` the answer is all matching rows as a table, streamed, without pages.";
        operation["description"] = format!("{text}\n\n{table}").trim().into();
    }
}

fn add_header(operation: &mut Value, name: &str, what: &str) {
    if parameters(operation).any(|parameter| parameter["name"] == name) {
        return;
    }
    let header = json!({
        "name": name, "in": "header", "description": what, "required": false,
        "schema": { "type": "string", "format": "entity-tag" }
    });
    match operation["parameters"].as_array_mut() {
        Some(parameters) => parameters.push(header),
        None => operation["parameters"] = json!([header]),
    }
}

/// A body in which nothing need stand may be left out; a file is sent as a form, the way that every client knows.
fn finish_body(operation: &mut Value, schemas: &Value) {
    let Some(body) = operation.get_mut("requestBody").filter(|body| body.is_object()) else {
        return;
    };
    let schema = &mut body["content"]["application/json"]["schema"];
    // `Option<T>` in code: not `null`, but no body.
    let inner = schema["oneOf"]
        .as_array()
        .and_then(|options| options.iter().find(|option| option["type"] != "null").cloned());
    if let Some(inner) = inner {
        *schema = inner;
    }
    let name = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix("#/components/schemas/"))
        .map(str::to_owned);
    let content = &mut body["content"];
    if let Some(content) = content.as_object_mut() {
        content.retain(|_, media| media["schema"] != Value::Null);
        if content.remove("text/csv").is_some() {
            let file = json!({ "type": "string", "format": "binary", "description": "CSV, with the fields' names in its first line." });
            let form = json!({ "type": "object", "required": ["file"], "additionalProperties": false, "properties": { "file": file } });
            content.insert("multipart/form-data".into(), json!({ "schema": form }));
            body["description"] = "A form with the file; or the file alone, as `text/csv`.".into();
            body["required"] = true.into();
        }
    }
    let is_needed = match name {
        Some(name) => schemas[&name]["required"]
            .as_array()
            .is_some_and(|required| !required.is_empty()),
        None => true,
    };
    body["required"] = is_needed.into();
}
