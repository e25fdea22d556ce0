//! What is the same for all schemas: requests are closed, pages refer to their items, and what may be `null` in an answer
//! is always there.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::Code;

pub fn finish(whole: &mut Value) {
    refer_to_items(&mut whole["components"]["schemas"]);
    let requests = request_schemas(whole);
    let schemas = &mut whole["components"]["schemas"];
    for (name, schema) in schemas.as_object_mut().into_iter().flatten() {
        if requests.contains(name) {
            close(schema);
        } else {
            require_nullable(schema);
        }
    }
    name_codes(schemas);
    super::bounds::finish(schemas);
    super::examples::finish(schemas);
}

/// utoipa writes a page's items out in every page.
fn refer_to_items(schemas: &mut Value) {
    let Some(schemas) = schemas.as_object_mut() else {
        return;
    };
    let pages: Vec<_> = schemas
        .keys()
        .filter_map(|name| name.strip_prefix("Page_").map(str::to_owned))
        .collect();
    for item in pages {
        let Some(page) = schemas.get_mut(&format!("Page_{item}")) else {
            continue;
        };
        let reference = json!({ "$ref": format!("#/components/schemas/{item}") });
        let written_out = std::mem::replace(&mut page["properties"]["items"]["items"], reference);
        schemas.entry(item).or_insert(written_out);
    }
}

/// The schemas that bodies of requests refer to, directly or not.
fn request_schemas(whole: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let items = whole["paths"].as_object().into_iter().flat_map(Map::values);
    for operation in items.filter_map(Value::as_object).flat_map(Map::values) {
        name_schemas(&operation["requestBody"], &whole["components"]["schemas"], &mut names);
    }
    names
}

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

/// Unknown properties are refused, so the schema of every body says that there are no others.
fn close(schema: &mut Value) {
    if schema["properties"].is_object() && schema.get("additionalProperties").is_none() {
        schema["additionalProperties"] = false.into();
    }
}

/// A member that may be `null` is never left out of an answer; one that may be left out is never `null`.
fn require_nullable(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    let nullable: Vec<_> = members
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(_, property)| is_nullable(property))
        .map(|(name, _)| Value::from(name.as_str()))
        .collect();
    if !nullable.is_empty() {
        let required = members.entry("required").or_insert_with(|| json!([]));
        if let Some(required) = required.as_array_mut() {
            let missing: Vec<_> = nullable.into_iter().filter(|name| !required.contains(name)).collect();
            required.extend(missing);
        }
    }
    for member in ["properties", "allOf", "oneOf", "anyOf", "items"] {
        match members.get_mut(member) {
            Some(Value::Array(schemas)) => schemas.iter_mut().for_each(require_nullable),
            Some(Value::Object(schemas)) if member == "properties" => {
                schemas.values_mut().for_each(require_nullable);
            }
            Some(schema) => require_nullable(schema),
            None => {}
        }
    }
}

fn is_nullable(schema: &Value) -> bool {
    let is_null = |schema: &Value| schema["type"] == "null";
    let types = schema["type"].as_array().into_iter().flatten();
    let options = ["oneOf", "anyOf"]
        .iter()
        .flat_map(|name| schema[*name].as_array().into_iter().flatten());
    types.into_iter().any(|name| name == "null") || options.into_iter().any(is_null)
}

/// Every code there is, and the members that some problems have besides.
fn name_codes(schemas: &mut Value) {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    schemas["ErrorCode"] = json!({
        "type": "string", "enum": codes, "description": "What went wrong. `/docs` has a word on each."
    });
    let problem = &mut schemas["Problem"];
    if problem["properties"].is_object() {
        problem["properties"]["code"] = json!({ "$ref": "#/components/schemas/ErrorCode" });
        problem["properties"]["references"] = json!({
            "type": "array", "description": "What refers to a thing that can't be removed.",
            "items": { "type": "object", "required": ["resource", "count"], "properties": {
                "resource": { "type": "string" }, "count": { "type": "integer", "format": "int64", "minimum": 1 }
            } }
        });
    }
}
