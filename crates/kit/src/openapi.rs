//! Each component tells its own part of the OpenAPI document; `operations` puts the parts together.

mod bounds;
mod examples;
mod operations;
mod responses;
mod schemas;
mod security;

use axum::Router;
use serde_json::{Value, json};
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
    whole["tags"] = operations::tags();
    whole["components"]["securitySchemes"] = security::schemes();
    whole["components"]["headers"] = responses::headers();
    schemas::finish(&mut whole);
    let schemas = whole["components"]["schemas"].clone();
    let calls = whole["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(|paths| paths.iter_mut())
        .flat_map(|(path, item)| {
            item.as_object_mut()
                .into_iter()
                .flatten()
                .map(move |(verb, operation)| (verb, path, operation))
        });
    for (verb, path, operation) in calls {
        operations::finish(operation, &schemas);
        security::finish(path, operation);
        responses::finish(verb, path, operation);
    }
    whole
}

fn parameters(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["parameters"].as_array().into_iter().flatten()
}

fn is_list(operation: &Value) -> bool {
    parameters(operation).any(|parameter| parameter["name"] == "withTotal")
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

    /// A document with one operation and these schemas.
    fn document(path: &str, verb: &str, operation: Value, schemas: Value) -> Value {
        let mut schemas = schemas;
        schemas["Problem"] = json!({ "type": "object", "properties": { "code": { "type": "string" } } });
        whole(vec![json!({
            "info": { "title": "Nexus" },
            "paths": { path: { verb: operation } },
            "components": { "schemas": schemas },
        })])
    }

    fn page_of(name: &str) -> Value {
        json!({ "description": "", "content": { "application/json": { "schema": { "$ref": name } } } })
    }

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
                "/api/v1/auth/login": { "post": { "security": [{}], "responses": { "401": { "description": "" } } } },
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
        assert_eq!(login["security"], json!([]));
        assert!(login["responses"]["401"]["content"]["application/problem+json"].is_object());
    }

    #[test]
    fn failures_follow_from_what_an_operation_takes() {
        let responses = |path: &str, operation: Value| {
            let whole = document(path, "post", operation, json!({}));
            let responses = whole["paths"][path]["post"]["responses"].as_object().unwrap();
            responses.keys().cloned().collect::<Vec<_>>().join(" ")
        };
        let body = json!({ "content": { "application/json": { "schema": {} } } });
        let key = json!([{ "name": "Idempotency-Key", "in": "header" }]);
        assert_eq!(
            responses("/api/v1/things", json!({ "security": [{}], "responses": {} })),
            "429 503 default"
        );
        assert_eq!(
            responses("/api/v1/things/{id}", json!({ "responses": {} })),
            "401 403 404 429 503 default"
        );
        let action = json!({ "requestBody": body, "parameters": key, "responses": {} });
        assert_eq!(
            responses("/api/v1/things", action),
            "400 401 403 409 413 415 422 429 503 default"
        );
    }

    #[test]
    fn validators_are_parameters_and_answers_have_their_headers() {
        let whole = whole(vec![json!({
            "info": {},
            "paths": {
                "/api/v1/things": { "get": {
                    "description": "All.",
                    "parameters": [{ "name": "withTotal", "in": "query" }],
                    "responses": { "200": page_of("#/x"), "304": {} },
                } },
                "/api/v1/things/{id}": {
                    "get": { "responses": { "200": page_of("#/x"), "304": {} } },
                    "patch": { "responses": { "200": page_of("#/x"), "412": {} } },
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
                operation["responses"]["200"]["headers"]["ETag"].is_object(),
            )
        };
        assert_eq!(told("/api/v1/things", "get"), ("If-None-Match".into(), true));
        assert_eq!(told("/api/v1/things/{id}", "get"), ("If-None-Match".into(), true));
        assert_eq!(told("/api/v1/things/{id}", "patch"), ("If-Match".into(), true));
        assert_eq!(told("/api/v1/things/{id}", "delete"), (String::new(), false));
        let list = &whole["paths"]["/api/v1/things"]["get"];
        assert!(list["description"].as_str().unwrap().contains("text/csv"));
        // A second type beside JSON would make the answer "page or string" to every generated client.
        assert_eq!(list["responses"]["200"]["content"].as_object().unwrap().len(), 1);
        for status in ["200", "304", "default"] {
            assert!(
                list["responses"][status]["headers"]["X-Request-Id"].is_object(),
                "{status}"
            );
        }
    }

    #[test]
    fn bodies_are_closed_and_answers_are_not() {
        let reference = |name: &str| json!({ "schema": { "$ref": format!("#/components/schemas/{name}") } });
        let whole = document(
            "/api/v1/things",
            "post",
            json!({
                "requestBody": { "content": { "application/json": reference("NewThing") } },
                "responses": { "201": { "content": { "application/json": reference("Thing") } } },
            }),
            json!({
                "NewThing": { "properties": { "parts": { "type": "array", "items": reference("Part")["schema"] } } },
                "Part": { "properties": { "next": reference("Part")["schema"] } },
                "Thing": { "properties": {} },
            }),
        );
        let schemas = &whole["components"]["schemas"];
        assert_eq!(schemas["NewThing"]["additionalProperties"], false);
        assert_eq!(schemas["Part"]["additionalProperties"], false);
        assert!(schemas["Thing"].get("additionalProperties").is_none());
    }

    #[test]
    fn pages_refer_to_their_items_and_what_may_be_null_is_always_there() {
        let thing = json!({ "type": "object", "required": ["id"], "properties": {
            "id": { "type": "string" }, "floor": { "type": ["integer", "null"] }, "total": { "type": "integer" },
            "by": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Id" }] },
        } });
        let operation = json!({ "responses": { "200": page_of("#/components/schemas/Page_Thing") } });
        let page = json!({ "properties": { "items": { "type": "array", "items": thing } } });
        let whole = document(
            "/api/v1/things",
            "get",
            operation,
            json!({ "Page_Thing": page, "Id": {} }),
        );
        let schemas = &whole["components"]["schemas"];
        assert_eq!(
            schemas["Page_Thing"]["properties"]["items"]["items"],
            json!({ "$ref": "#/components/schemas/Thing" })
        );
        assert_eq!(schemas["Thing"]["required"], json!(["id", "by", "floor"]));
        let codes = schemas["ErrorCode"]["enum"].as_array().unwrap();
        assert!(codes.len() > 30 && codes.contains(&"WRONG_PASSWORD".into()));
    }

    #[test]
    fn binary_answers_are_strings_of_bytes() {
        let bytes = json!({ "type": "array", "items": { "type": "integer" } });
        let operation = json!({ "responses": { "200": { "content": { "application/pdf": { "schema": bytes } } } } });
        let whole = document("/api/v1/paper", "get", operation, json!({}));
        let content = &whole["paths"]["/api/v1/paper"]["get"]["responses"]["200"]["content"];
        for kind in ["application/pdf", "application/octet-stream"] {
            assert_eq!(
                content[kind]["schema"],
                json!({ "type": "string", "format": "binary" }),
                "{kind}"
            );
        }
    }
}
