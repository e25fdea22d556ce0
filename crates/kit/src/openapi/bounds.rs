//! What types accept beyond their length, as patterns: their own schemas say how long a text may be, not what is in it.

use serde_json::{Value, json};

/// Text on one line with something to be seen in it.
const LINE: &str = "^[^\\u0000-\\u001F\\u007F-\\u009F\\u2028\\u2029]*[^\\s\\u0000-\\u001F\\u007F-\\u00A0\\u00AD\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B-\\u200F\\u2028-\\u202E\\u2060-\\u206F\\u3164\\uFE00-\\uFE0F\\uFEFF\\uFFA0][^\\u0000-\\u001F\\u007F-\\u009F\\u2028\\u2029]*$";
/// The same with line breaks and tabs.
const LINES: &str = "^[^\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F]*[^\\s\\u0000-\\u001F\\u007F-\\u00A0\\u00AD\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B-\\u200F\\u2028-\\u202E\\u2060-\\u206F\\u3164\\uFE00-\\uFE0F\\uFEFF\\uFFA0][^\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F]*$";
/// Nothing that is sent within a header or hides.
const PLAIN: &str = "^[^\\u0000-\\u001F\\u007F-\\u009F]+$";

/// By the schema's name.
const PATTERNS: &[(&str, &str)] = &[
    ("AddressPart", LINE),
    ("ApartmentNumber", LINE),
    ("CompanyName", LINE),
    ("CompoundName", LINE),
    ("FullName", LINE),
    ("LetterheadLine", LINE),
    ("LineDescription", LINE),
    ("PasskeyName", LINE),
    ("PersonName", LINE),
    ("Reference", LINE),
    ("Title", LINE),
    ("Description", LINES),
    ("Reason", LINES),
    ("NationalId", "^[0-9A-Za-z][0-9A-Za-z /.-]*[0-9A-Za-z]$"),
    ("Slug", "^[a-z0-9]+(-[a-z0-9]+)*$"),
    ("Colour", "^#[0-9A-Fa-f]{6}$"),
    ("LogoUrl", "^https?://[^\\s\"<>\\u0000-\\u001F\\u007F-\\u009F]+$"),
];

/// By schema and member.
const MEMBERS: &[(&str, &str, &str)] = &[
    ("ActRequest", "reason", LINES),
    ("CreateChat", "name", LINE),
    ("UpdateChat", "name", LINE),
    ("CreateMessage", "tempId", PLAIN),
    ("DocumentBody", "fileName", LINE),
];

const DOMAIN: &str = "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$";

/// Most that is taken where a schema has no end of its own.
const MAX: &[(&str, &str, i64)] = &[
    ("MarkRead", "seq", 4_294_967_295),
    ("NewPayment", "amount", 1_000_000_000_000),
    ("DepositMovement", "amount", 1_000_000_000_000),
    ("LateFee", "value", 1_000_000_000_000),
    ("LateFeePatch", "value", 1_000_000_000_000),
];

/// Which values make sense in a request, where the type is one of answers too.
const ONLY: &[(&str, &str, &[&str])] = &[
    ("NewApartment", "status", &["VACANT", "MAINTENANCE", "INACTIVE"]),
    ("NewInvoice", "status", &["DRAFT", "ISSUED"]),
];

pub fn finish(schemas: &mut Value) {
    for (name, pattern) in PATTERNS {
        set(schemas.get_mut(*name), "pattern", (*pattern).into());
    }
    for (name, member, pattern) in MEMBERS {
        set(property(schemas, name, member), "pattern", (*pattern).into());
    }
    for (name, member, most) in MAX {
        set(property(schemas, name, member), "maximum", (*most).into());
        set(property(schemas, name, member), "format", "int64".into());
    }
    for (name, member, values) in ONLY {
        if let Some(property) = property(schemas, name, member) {
            let text = property["description"].take();
            *property = json!({ "type": "string", "enum": values });
            if text.is_string() {
                property["description"] = text;
            }
        }
    }
    // What people may call a message themselves; `null` is as nothing.
    if let Some(kind) = property(schemas, "CreateMessage", "messageType") {
        *kind = json!({ "oneOf": [{ "type": "string", "enum": ["TEXT", "IMAGE", "FILE"] }, { "type": "null" }] });
    }
    for name in ["CreateMessage", "UpdateMessage"] {
        set(property(schemas, name, "content"), "maxLength", 4_000.into());
    }
    for name in ["NewMaintenanceRequest", "MaintenancePatch"] {
        set(property(schemas, name, "attachments"), "maxItems", 10.into());
        set(property(schemas, name, "attachments"), "uniqueItems", true.into());
    }
    for name in ["NewCompany", "CompanyPatch"] {
        if let Some(domains) = property(schemas, name, "allowedEmailDomains") {
            domains["items"] = json!({ "type": "string", "pattern": DOMAIN, "minLength": 3, "maxLength": 253 });
        }
    }
}

fn property<'a>(schemas: &'a mut Value, name: &str, member: &str) -> Option<&'a mut Value> {
    schemas.get_mut(name)?.get_mut("properties")?.get_mut(member)
}

fn set(schema: Option<&mut Value>, name: &str, value: Value) {
    if let Some(schema) = schema {
        schema[name] = value;
    }
}

/// The schemas of parameters that many operations have alike.
pub fn parameter(parameter: &mut Value) {
    match parameter["name"].as_str() {
        Some("Idempotency-Key") => {
            parameter["required"] = false.into();
            parameter["description"] = "Sent again with the same key, the same request acts once.".into();
            parameter["schema"] = json!({ "type": "string", "pattern": "^[!-~]{1,255}$" });
        }
        Some("cursor") => parameter["schema"] = json!({ "type": "string", "format": "cursor" }),
        Some("after" | "before") => {
            parameter["schema"] =
                json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_i64, "format": "int64" });
        }
        _ => {}
    }
    // Absent is absent: a parameter is never `null`.
    let schema = &mut parameter["schema"];
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(options) = schema["oneOf"].as_array()
        && let Some(other) = options.iter().find(|option| option["type"] != "null")
        && options.len() == 2
    {
        parameter["schema"] = other.clone();
    }
}
