//! Each component tells its own part of the OpenAPI document; `operations` puts the parts together.

use std::collections::BTreeSet;

use axum::Router;
use http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::App;

/// Where a component answers with its part. No route of `spin.toml` leads there: only the
/// application itself can reach it, by `http://NAME.spin.internal`.
pub const FRAGMENT_PATH: &str = "/__openapi";

/// Everything the public contract is under.
pub const BASE_PATH: &str = "/api/v1";

/// A component's router, with its own document under [`FRAGMENT_PATH`].
pub fn finish(router: OpenApiRouter<App>) -> Router<App> {
    let (router, document) = router.split_for_parts();
    let text = document.to_json().unwrap_or_default();
    router.route(
        FRAGMENT_PATH,
        axum::routing::get(move || async move { ([(http::header::CONTENT_TYPE, "application/json")], text.clone()) }),
    )
}

/// The document of a component's router alone.
pub fn fragment(router: OpenApiRouter<App>) -> OpenApi {
    router.into_openapi()
}

/// All parts as one document, with what is the same for all said once.
///
/// Merged as JSON: read into types and written again, a schema that utoipa can write but not read is lost.
pub fn whole(parts: Vec<Value>) -> Value {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().unwrap_or_default();
    for mut part in parts {
        // Made up by the library from its own manifest.
        part.as_object_mut().map(|part| part.remove("info"));
        merge(&mut whole, part);
    }
    whole["servers"] = json!([{ "url": "/" }]);
    whole["components"]["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token of `POST /api/v1/auth/login`." }
    });
    let operations = whole["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(|paths| paths.iter_mut())
        .flat_map(|(path, item)| {
            item.as_object_mut()
                .into_iter()
                .flatten()
                .map(move |(_, it)| (path, it))
        });
    for (path, operation) in operations {
        complete(path, operation);
    }
    close_requests(&mut whole);
    whole
}

/// Unknown properties are refused, so the schema of every body says that there are no others.
fn close_requests(whole: &mut Value) {
    let mut names = BTreeSet::new();
    let items = whole["paths"].as_object().into_iter().flat_map(Map::values);
    for operation in items.filter_map(Value::as_object).flat_map(Map::values) {
        name_schemas(&operation["requestBody"], &whole["components"]["schemas"], &mut names);
    }
    for name in names {
        let schema = &mut whole["components"]["schemas"][name];
        if schema["properties"].is_object() && schema.get("additionalProperties").is_none() {
            schema["additionalProperties"] = false.into();
        }
    }
}

/// The schemas that are referred to from here, directly or not.
fn name_schemas(from: &Value, schemas: &Value, names: &mut BTreeSet<String>) {
    match from {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            let name = reference.and_then(|reference| reference.strip_prefix("#/components/schemas/"));
            if let Some(name) = name
                && names.insert(name.to_owned())
            {
                name_schemas(&schemas[name], schemas, names);
            }
            members.values().for_each(|value| name_schemas(value, schemas, names));
        }
        Value::Array(items) => items.iter().for_each(|value| name_schemas(value, schemas, names)),
        _ => {}
    }
}

/// What follows from the answers an operation tells of: which validators it reads, and that a list is a table too.
fn add_headers_and_tables(operation: &mut Value) {
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
    let is_list = parameters(operation).any(|parameter| parameter["name"] == "withTotal");
    let content = operation["responses"]
        .get_mut("200")
        .and_then(|ok| ok["content"].as_object_mut());
    if let (true, Some(content)) = (is_list, content) {
        content.insert("text/csv".into(), json!({ "schema": { "type": "string" } }));
    }
}

fn parameters(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["parameters"].as_array().into_iter().flatten()
}

fn add_header(operation: &mut Value, name: &str, what: &str) {
    if parameters(operation).any(|parameter| parameter["name"] == name) {
        return;
    }
    let header = json!({
        "name": name, "in": "header", "description": what, "required": false, "schema": { "type": "string" }
    });
    match operation["parameters"].as_array_mut() {
        Some(parameters) => parameters.push(header),
        None => operation["parameters"] = json!([header]),
    }
}

/// Who may call, and that every failure is a problem document.
fn complete(path: &str, operation: &mut Value) {
    add_headers_and_tables(operation);
    // A 401 of these is about what is in the body.
    let is_public = ["/api/v1/auth/", "/api/v1/webhooks/"]
        .iter()
        .any(|start| path.starts_with(start));
    if operation.get("security").is_none() && !is_public && operation["responses"].get("401").is_some() {
        operation["security"] = json!([{ "bearer": [] }]);
    }
    let problem = json!({ "application/problem+json": { "schema": { "$ref": PROBLEM } } });
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
            response["content"] = problem.clone();
        }
    }
    responses.insert(
        "default".into(),
        json!({ "description": "A failure; `code` says which.", "content": problem }),
    );
}

fn reason(status: &str) -> &'static str {
    status
        .parse()
        .ok()
        .and_then(|status: StatusCode| status.canonical_reason())
        .unwrap_or("An answer")
}

const PROBLEM: &str = "#/components/schemas/Problem";

/// Adds what is not there yet, at every depth.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(there) => merge(there, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(from)) => {
            for item in from {
                if !into.contains(&item) {
                    into.push(item);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_has_one_head_and_every_failure_is_a_problem() {
        let ours = json!({ "info": { "title": "Nexus" }, "paths": {} });
        let part = json!({
            "info": { "title": "part", "contact": { "name": "somebody" } },
            "paths": {
                "/api/v1/things": { "get": { "responses": {
                    "200": { "description": "" },
                    "401": { "description": "", "content": { "application/json": { "schema": { "$ref": PROBLEM } } } },
                    "503": { "description": "", "content": { "application/json": { "schema": { "$ref": "#/x" } } } },
                } } },
                "/api/v1/auth/login": { "post": { "responses": { "401": { "description": "" } } } },
            },
        });
        let whole = whole(vec![ours, part]);
        assert_eq!(whole["info"], json!({ "title": "Nexus" }));
        let things = &whole["paths"]["/api/v1/things"]["get"];
        assert_eq!(things["security"], json!([{ "bearer": [] }]));
        assert!(things["responses"]["401"]["content"]["application/problem+json"].is_object());
        assert_eq!(
            things["responses"]["503"]["content"]["application/json"]["schema"]["$ref"],
            "#/x"
        );
        assert!(things["responses"]["default"].is_object());
        // OpenAPI 3.1.1 §4.8.17: every response has one.
        assert_eq!(things["responses"]["401"]["description"], "Unauthorized");
        let login = &whole["paths"]["/api/v1/auth/login"]["post"];
        assert!(login["security"].is_null());
        assert!(login["responses"]["401"]["content"]["application/problem+json"].is_object());
    }

    #[test]
    fn validators_are_parameters_and_lists_are_tables_too() {
        let page = json!({ "application/json": { "schema": { "$ref": "#/x" } } });
        let whole = whole(vec![json!({
            "info": {},
            "paths": {
                "/api/v1/things": { "get": {
                    "parameters": [{ "name": "withTotal", "in": "query" }],
                    "responses": { "200": { "content": page }, "304": {} },
                } },
                "/api/v1/things/{id}": {
                    "get": { "responses": { "200": { "content": page }, "304": {} } },
                    "patch": { "responses": { "200": { "content": page }, "412": {} } },
                    "delete": { "responses": { "204": {} } },
                },
            },
        })]);
        let told = |path: &str, verb: &str| {
            let operation = &whole["paths"][path][verb];
            let headers = parameters(operation).filter(|parameter| parameter["in"] == "header");
            let headers: Vec<_> = headers
                .map(|header| header["name"].as_str().unwrap().to_owned())
                .collect();
            (
                headers.join(" "),
                operation["responses"]["200"]["content"]["text/csv"].is_object(),
            )
        };
        assert_eq!(told("/api/v1/things", "get"), ("If-None-Match".into(), true));
        assert_eq!(told("/api/v1/things/{id}", "get"), ("If-None-Match".into(), false));
        assert_eq!(told("/api/v1/things/{id}", "patch"), ("If-Match".into(), false));
        assert_eq!(told("/api/v1/things/{id}", "delete"), (String::new(), false));
        assert_eq!(
            whole["paths"]["/api/v1/things"]["get"]["parameters"][0]["name"],
            "withTotal"
        );
    }

    #[test]
    fn bodies_are_closed_and_answers_are_not() {
        let reference = |name: &str| json!({ "schema": { "$ref": format!("#/components/schemas/{name}") } });
        let whole = whole(vec![json!({
            "info": {},
            "paths": { "/api/v1/things": { "post": {
                "requestBody": { "content": { "application/json": reference("NewThing") } },
                "responses": { "201": { "content": { "application/json": reference("Thing") } } },
            } } },
            "components": { "schemas": {
                "NewThing": { "properties": { "parts": { "type": "array", "items": reference("Part")["schema"] } } },
                "Part": { "properties": { "next": reference("Part")["schema"] } },
                "Thing": { "properties": {} },
            } },
        })]);
        let schemas = &whole["components"]["schemas"];
        assert_eq!(schemas["NewThing"]["additionalProperties"], false);
        assert_eq!(schemas["Part"]["additionalProperties"], false);
        assert!(schemas["Thing"].get("additionalProperties").is_none());
    }
}
