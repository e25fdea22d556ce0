//! Another company's id, in every place of every request where an id may stand, as the OpenAPI document names them:
//! it is answered as an id that nobody has, and nothing of the other company is read, written or shown.

use std::collections::BTreeMap;

use nexus_domain::ids::AttachmentId;
use nexus_domain::message::Attachment;
use nexus_store::chat::attachments;

use super::*;

/// Stands in every name and text of the other company.
const MARK: &str = "Zebra";
/// An id that nobody has.
const NOBODY: &str = "019f0000-0000-7000-8000-00000000dead";
const SCOPED: [&str; 10] = [
    "compounds",
    "apartments",
    "tenants",
    "occupancies",
    "deposit_entries",
    "invoices",
    "payments",
    "payment_reversals",
    "maintenance_requests",
    "outbox",
];

/// One thing of each kind.
type Ids = BTreeMap<&'static str, String>;

/// What an id in this place is of. A new place must be named here: then it is tried.
fn kind(path: &str, field: &str) -> &'static str {
    match field {
        "companyId" => "companies",
        "compoundId" => "compounds",
        "apartmentId" => "apartments",
        "tenantId" => "tenants",
        "occupancyId" => "occupancies",
        "invoiceId" => "invoices",
        "actorId" | "assigneeId" | "userId" | "requestedBy" | "recordedBy" => "users",
        "attachments" | "logo" => "attachments",
        "id" => [
            "companies",
            "compounds",
            "apartments",
            "tenants",
            "occupancies",
            "invoices",
            "payments",
            "maintenance-requests",
        ]
        .into_iter()
        .find(|resource| path.split('/').any(|part| part == *resource))
        .unwrap(),
        other => panic!("{other} of {path}: what is it an id of?"),
    }
}

/// With the token of whoever made them.
async fn belongings(product: &Product, company: CompanyId, name: &str) -> (Ids, String) {
    let (user, token) = product.person(Role::Admin, Some(company));
    let make = async |path: &str, body: Value| product.post(path, &token, body).await.is(201).id();
    let compound = make("/compounds", json!({"name": name})).await;
    let apartment = make(
        "/apartments",
        json!({"compoundId": compound, "apartmentNumber": name, "monthlyRent": 1000}),
    )
    .await;
    let tenant = make(
        "/tenants",
        json!({"fullName": name, "email": format!("{name}@example.org"), "phone": "+201001234567"}),
    )
    .await;
    let lease = json!({"apartmentId": apartment, "tenantId": tenant, "startDate": "2026-01-01", "depositAmount": 1000});
    let lease = make("/occupancies", lease).await;
    let lines = json!([{"description": name, "unitAmount": 1000}]);
    let invoice = json!({"occupancyId": lease, "dueDate": "2099-01-01", "lines": lines, "status": "ISSUED"});
    let invoice = make("/invoices", invoice).await;
    let payment = make(
        "/payments",
        json!({"invoiceId": invoice, "amount": 1, "paymentMethod": "CASH", "reference": name}),
    )
    .await;
    let request = json!({"apartmentId": apartment, "title": name, "description": name});
    let request = make("/maintenance-requests", request).await;
    let attachment = Attachment {
        id: clock::new_id(AttachmentId::generate),
        file_name: name.into(),
        content_type: "image/png".into(),
        size: 1,
        width: None,
        height: None,
    };
    attachments::insert(product.app.database(), user, &attachment, name, clock::now()).unwrap();
    let ids = BTreeMap::from([
        ("companies", company.to_string()),
        ("compounds", compound),
        ("apartments", apartment),
        ("tenants", tenant),
        ("occupancies", lease),
        ("invoices", invoice),
        ("payments", payment),
        ("maintenance-requests", request),
        ("users", user.to_string()),
        ("attachments", attachment.id.to_string()),
    ]);
    (ids, token)
}

/// Everything of a company, as it is written down.
fn books(product: &Product, company: &str) -> String {
    let mut all = format!(
        "{:?}",
        product
            .app
            .database()
            .query("SELECT * FROM companies WHERE id = ?1", params![company])
            .unwrap()
    );
    for table in SCOPED {
        let sql = format!("SELECT * FROM {table} WHERE company_id = ?1 ORDER BY 1");
        all.push_str(&format!(
            "{:?}",
            product.app.database().query(&sql, params![company]).unwrap()
        ));
    }
    all
}

/// The document, and what is read out of it.
struct Document(Value);

/// A place in a body, as a JSON pointer, and the name of its field.
type Place = (String, String);

impl Document {
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(name) = schema["$ref"].as_str() {
            return self.resolved(&self.0["components"]["schemas"][name.rsplit('/').next().unwrap()]);
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            if let Some(given) = schema[choice]
                .as_array()
                .and_then(|all| all.iter().find(|one| one["type"] != "null"))
            {
                return self.resolved(given);
            }
        }
        schema
    }

    fn is_id(&self, schema: &Value) -> bool {
        self.resolved(schema)["format"] == "uuid"
    }

    /// A body with something in every field, and where ids stand in it.
    fn sample(&self, schema: &Value, field: &str, at: &str, places: &mut Vec<Place>) -> Value {
        let schema = self.resolved(schema);
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| **kind != "null").unwrap().as_str().unwrap(),
            kind => kind.as_str().unwrap_or("object"),
        };
        if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
            return first.clone();
        }
        match kind {
            "object" => {
                let fields = schema["properties"].as_object().into_iter().flatten();
                let made = fields
                    .map(|(name, inner)| (name.clone(), self.sample(inner, name, &format!("{at}/{name}"), places)));
                Value::Object(made.collect())
            }
            "array" => json!([self.sample(&schema["items"], field, &format!("{at}/0"), places)]),
            // A late fee of type NONE, the first of its types, has no value.
            "integer" if field == "value" => json!(0),
            "integer" | "number" => json!(schema["minimum"].as_i64().unwrap_or(0).max(1)),
            "boolean" => json!(true),
            _ if schema["format"] == "uuid" => {
                places.push((at.to_owned(), field.to_owned()));
                json!(NOBODY)
            }
            _ => json!(text(field)),
        }
    }
}

fn text(field: &str) -> &'static str {
    match field {
        name if name.ends_with("Date") || name.starts_with("period") => "2026-05-01",
        "email" => "somebody@example.org",
        "phone" => "+201001234567",
        "nationalId" => "29801011234567",
        "currency" => "EGP",
        "timezone" => "Africa/Cairo",
        "country" => "EG",
        "slug" => "some-slug",
        "month" => "2026-05",
        "primaryColor" => "#123456",
        "logoUrl" => "https://example.org/logo.png",
        "allowedEmailDomains" => "example.org",
        _ => "Something",
    }
}

/// What can be sent: the address with its id filled in, the query, the body.
struct Attempt<'a> {
    method: &'a Method,
    path: String,
    body: Option<Value>,
}

impl Attempt<'_> {
    async fn by(&self, product: &Product, token: &str) -> Answer {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let headers: &[(&str, &str)] = if self.body.is_some() {
            &[("content-type", "application/json")]
        } else {
            &[]
        };
        product
            .send(self.method.clone(), &self.path, token, headers, body)
            .await
    }
}

/// The answer without what differs from request to request.
fn gist(answer: &Answer) -> (u16, Value) {
    let mut json = answer.json.clone();
    if let Some(problem) = json.as_object_mut() {
        problem.remove("requestId");
    }
    (answer.status.as_u16(), json)
}

#[tokio::test]
async fn another_company_s_id_is_nobody_s_wherever_it_stands() {
    let product = Product::start();
    let document = Document(serde_json::to_value(nexus_kit::openapi::fragment(crate::routes())).unwrap());
    let (own, other) = (product.company(), product.company());
    let others = [Role::Manager, Role::Student].map(|role| (role, product.person(role, Some(own)).1));
    let (theirs, _) = belongings(&product, other, MARK).await;
    let before = books(&product, &theirs["companies"]);
    let (mut tried, mut wrong) = (0, Vec::new());
    for (path, operations) in document.0["paths"].as_object().unwrap() {
        for (verb, operation) in operations.as_object().unwrap() {
            let method: Method = verb.to_uppercase().parse().unwrap();
            let (mine, admin) = belongings(&product, own, &format!("Own{tried}")).await;
            let id = |ids: &Ids, field: &str| ids[kind(path, field)].clone();
            let mut places = Vec::new();
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let mut body = (!schema.is_null()).then(|| document.sample(schema, "", "", &mut places));
            for (place, field) in &places {
                *body.as_mut().unwrap().pointer_mut(place).unwrap() = json!(id(&mine, field));
            }
            let relative = path.trim_start_matches("/api/v1");
            let home = relative.replace(
                "{id}",
                &if relative.contains("{id}") {
                    id(&mine, "id")
                } else {
                    String::new()
                },
            );

            // The same request with one id exchanged, for every place in which one stands.
            let with = |ids: &dyn Fn(&str) -> String| -> Vec<(String, Attempt<'_>)> {
                let mut all = Vec::new();
                let attempt = |path: String, body: Option<Value>| Attempt {
                    method: &method,
                    path,
                    body,
                };
                if relative.contains("{id}") {
                    all.push((
                        "path".to_owned(),
                        attempt(relative.replace("{id}", &ids("id")), body.clone()),
                    ));
                }
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                for parameter in
                    parameters.filter(|parameter| parameter["in"] == "query" && document.is_id(&parameter["schema"]))
                {
                    let name = parameter["name"].as_str().unwrap();
                    all.push((
                        format!("?{name}"),
                        attempt(format!("{home}?{name}={}", ids(name)), body.clone()),
                    ));
                }
                all.push((
                    "?companyId of all".to_owned(),
                    attempt(format!("{home}?companyId={}", ids("companyId")), body.clone()),
                ));
                for (place, field) in &places {
                    let mut body = body.clone().unwrap();
                    *body.pointer_mut(place).unwrap() = json!(ids(field));
                    all.push((place.clone(), attempt(home.clone(), Some(body))));
                }
                all
            };
            let foreign = with(&|field| id(&theirs, field));
            let nobody = with(&|_| NOBODY.to_owned());
            for ((place, attempt), (_, unknown)) in foreign.iter().zip(&nobody) {
                let admin = (Role::Admin, admin.clone());
                for (role, token) in std::iter::once(&admin).chain(&others) {
                    let what = format!("{role} {method} {} ({place})", attempt.path);
                    let answer = attempt.by(&product, token).await;
                    let as_unknown = gist(&answer) == gist(&unknown.by(&product, token).await);
                    tried += 1;
                    let fine = match answer.status.as_u16() {
                        200 => answer.json["items"] == json!([]),
                        403 => *role != Role::Admin || relative == "/companies",
                        status => status == 404,
                    };
                    if !fine || !as_unknown || answer.text.contains(MARK) {
                        wrong.push(format!(
                            "{what}: {} (as for nobody's id: {as_unknown}) {}",
                            answer.status, answer.text
                        ));
                    }
                }
            }
            if books(&product, &theirs["companies"]) != before {
                wrong.push(format!("{method} {path} wrote to the other company"));
            }

            // With ids of one's own the same request is understood: what was refused was the id.
            let control = Attempt {
                method: &method,
                path: home,
                body: body.clone(),
            };
            let answer = control.by(&product, &admin).await;
            if answer.status.is_server_error() || answer.status == StatusCode::NOT_FOUND {
                wrong.push(format!(
                    "own ids: {method} {}: {} {}",
                    control.path, answer.status, answer.text
                ));
            }
        }
    }
    println!("{tried} requests with an id of another company");
    assert!(tried > 200, "{tried}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_import_finds_no_compound_of_others() {
    let product = Product::start();
    let (own, other) = (product.company(), product.company());
    let (_, admin) = product.person(Role::Admin, Some(own));
    let (theirs, _) = belongings(&product, other, MARK).await;
    let before = books(&product, &theirs["companies"]);
    let mut answers = Vec::new();
    for compound in [theirs["compounds"].as_str(), NOBODY] {
        let file = format!("compoundId,apartmentNumber,monthlyRent\n{compound},1,1\n");
        let answer = product
            .send(
                Method::POST,
                "/apartments/import",
                &admin,
                &[("content-type", "text/csv")],
                file,
            )
            .await;
        assert_eq!(answer.json["created"], 0, "{}", answer.text);
        answers.push(gist(&answer));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(books(&product, &theirs["companies"]), before);
}
