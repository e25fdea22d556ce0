//! The router with a database in memory, as a client sees it.

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::signature::sign_request;
use nexus_domain::token::{AccessClaims, sign_access_token};
use nexus_domain::{Role, settings};
use nexus_kit::{App, Config, clock};
use nexus_store::{Database, params};
use serde_json::{Value, json};
use tower::ServiceExt;

const SECRET: &str = "an access secret for tests, long enough";
const INTERNAL: &str = "an internal secret for tests, long enough";

struct Product {
    app: App,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    text: String,
    json: Value,
}

impl Answer {
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    fn id(&self) -> String {
        self.json["id"].as_str().unwrap().to_owned()
    }

    fn etag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }
}

impl Product {
    fn start() -> Self {
        let config = Config::from_pairs([
            (settings::JWT_ACCESS_SECRET.variable(), SECRET),
            (settings::INTERNAL_SECRET.variable(), INTERNAL),
            (settings::RELAY_URL.variable(), ""),
        ]);
        let app = App::new(Database::in_memory().unwrap(), config).unwrap();
        let router = nexus_kit::layers::wrap(nexus_kit::openapi::finish(crate::routes()), app.clone());
        Self { app, router }
    }

    fn company(&self) -> CompanyId {
        let id = clock::new_id(CompanyId::generate);
        nexus_store::companies::insert(
            self.app.database(),
            id,
            "Acme",
            &id.to_string(),
            "EGP",
            "Africa/Cairo",
            clock::now(),
        )
        .unwrap();
        id
    }

    fn person(&self, role: Role, company: Option<CompanyId>) -> (UserId, String) {
        let (user, session) = (clock::new_id(UserId::generate), clock::new_id(SessionId::generate));
        let now = clock::now();
        self.app
            .database()
            .execute(
                "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, mfa_enabled, created_at, \
                 updated_at) VALUES (?1, ?1, ?1, 'A', ?2, ?3, 'ACTIVE', '', 1, ?4, ?4)",
                params![user, role, company, now],
            )
            .unwrap();
        self.app
            .database()
            .execute(
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4)",
                params![session, user, now, now.plus_seconds(3600)],
            )
            .unwrap();
        let claims = AccessClaims::new(user, session, role, company, now.as_seconds(), 900);
        (user, sign_access_token(SECRET.as_bytes(), &claims).unwrap())
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, token, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(
            Method::POST,
            path,
            token,
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    async fn patch(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(
            Method::PATCH,
            path,
            token,
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(Method::DELETE, path, token, &[], Body::empty()).await
    }

    /// A compound, an apartment, a tenant and an open occupancy since the beginning of the year before.
    async fn lease(&self, token: &str) -> (String, String, String) {
        let compound = self
            .post("/compounds", token, json!({"name": "Green Hills"}))
            .await
            .is(201)
            .id();
        let apartment = json!({"compoundId": compound, "apartmentNumber": "A1", "monthlyRent": 310_000});
        let apartment = self.post("/apartments", token, apartment).await.is(201).id();
        let tenant = json!({"fullName": "Ana", "email": "ana@example.org", "phone": "+201001234567", "nationalId": "29801011234567"});
        let tenant = self.post("/tenants", token, tenant).await.is(201).id();
        let lease =
            json!({"apartmentId": apartment, "tenantId": tenant, "startDate": "2025-01-01", "depositAmount": 1000});
        let lease = self.post("/occupancies", token, lease).await.is(201).id();
        (apartment, tenant, lease)
    }
}

#[tokio::test]
async fn from_compound_to_payment() {
    let product = Product::start();
    let company = product.company();
    let (_, manager) = product.person(Role::Manager, Some(company));
    let (apartment, _, lease) = product.lease(&manager).await;
    assert_eq!(
        product
            .get(&format!("/apartments/{apartment}"), &manager)
            .await
            .is(200)
            .json["status"],
        "OCCUPIED"
    );

    let overlap = json!({"apartmentId": apartment, "tenantId": product.get("/tenants", &manager).await.json["items"][0]["id"], "startDate": "2026-01-01"});
    assert_eq!(
        product.post("/occupancies", &manager, overlap).await.is(409).code(),
        "OCCUPANCY_OVERLAP"
    );

    let generated = product
        .post("/invoices/generate", &manager, json!({"month": "2026-02"}))
        .await
        .is(200);
    assert_eq!(generated.json, json!({"created": 1, "skipped": 0}));
    let generated = product
        .post("/invoices/generate", &manager, json!({"month": "2026-02"}))
        .await
        .is(200);
    assert_eq!(generated.json, json!({"created": 0, "skipped": 1}));

    let lines = json!([{"description": "Cleaning", "quantity": 2, "unitAmount": 500}]);
    let draft = json!({"occupancyId": lease, "dueDate": "2099-01-01", "lines": lines});
    let draft = product.post("/invoices", &manager, draft).await.is(201);
    assert_eq!(
        (
            &draft.json["status"],
            &draft.json["totalAmount"],
            &draft.json["invoiceNumber"]
        ),
        (&json!("DRAFT"), &json!(1000), &Value::Null)
    );
    let invoice = draft.id();
    let pay = |amount: i64| json!({"invoiceId": invoice, "amount": amount, "currency": "EGP", "paymentMethod": "CASH", "paymentDate": "2026-01-31T22:30:00Z"});
    assert_eq!(
        product.post("/payments", &manager, pay(1)).await.is(422).code(),
        "INVALID_TRANSITION"
    );
    let issued = product
        .send(
            Method::POST,
            &format!("/invoices/{invoice}/issue"),
            &manager,
            &[],
            Body::empty(),
        )
        .await
        .is(200);
    assert_eq!(issued.json["status"], "ISSUED");
    assert!(issued.json["invoiceNumber"].is_string());
    assert_eq!(
        product.post("/payments", &manager, pay(1001)).await.is(422).code(),
        "OVERPAYMENT"
    );

    let key = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let first = product
        .send(Method::POST, "/payments", &manager, &key, pay(400).to_string())
        .await
        .is(201);
    assert_eq!(first.json["paymentDate"], "2026-02-01", "half past midnight in Cairo");
    let again = product
        .send(Method::POST, "/payments", &manager, &key, pay(400).to_string())
        .await
        .is(201);
    assert_eq!(first.id(), again.id());
    let other = product
        .send(Method::POST, "/payments", &manager, &key, pay(401).to_string())
        .await
        .is(422);
    assert_eq!(other.code(), "IDEMPOTENCY_MISMATCH");
    let paid = product.get(&format!("/invoices/{invoice}"), &manager).await.is(200);
    assert_eq!(
        (&paid.json["status"], &paid.json["balance"]),
        (&json!("PARTIALLY_PAID"), &json!(600))
    );

    let path = format!("/payments/{}/reverse", first.id());
    product
        .post(&path, &manager, json!({"reason": "bounced"}))
        .await
        .is(200);
    assert_eq!(
        product
            .post(&path, &manager, json!({"reason": "bounced"}))
            .await
            .is(422)
            .code(),
        "INVALID_TRANSITION"
    );
    product
        .delete(&format!("/payments/{}", first.id()), &manager)
        .await
        .is(405);
    assert_eq!(
        product.get(&format!("/invoices/{invoice}"), &manager).await.json["status"],
        "ISSUED"
    );
    product
        .send(
            Method::POST,
            &format!("/invoices/{invoice}/void"),
            &manager,
            &[],
            Body::empty(),
        )
        .await
        .is(200);

    let deposit = format!("/occupancies/{lease}/deposit");
    assert_eq!(
        product
            .post(&deposit, &manager, json!({"action": "RECEIVE", "amount": 900}))
            .await
            .is(200)
            .json["depositHeld"],
        900
    );
    assert_eq!(
        product
            .post(&deposit, &manager, json!({"action": "RETURN", "amount": 901}))
            .await
            .is(422)
            .code(),
        "OVERPAYMENT"
    );
    let ended = product
        .post(
            &format!("/occupancies/{lease}/end"),
            &manager,
            json!({"endDate": "2026-01-31"}),
        )
        .await
        .is(200);
    assert_eq!(ended.json["status"], "ENDED");
    assert_eq!(
        product.get(&format!("/apartments/{apartment}"), &manager).await.json["status"],
        "VACANT"
    );
}

#[tokio::test]
async fn lists_page_filter_search_and_count() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let compound = product
        .post("/compounds", &manager, json!({"name": "One"}))
        .await
        .is(201)
        .id();
    for number in 0..7 {
        let apartment = json!({"compoundId": compound, "apartmentNumber": format!("=A{number}"), "monthlyRent": 100 * (number % 3), "floor": -1});
        product.post("/apartments", &manager, apartment).await.is(201);
    }
    for sort in [
        "apartmentNumber",
        "-apartmentNumber",
        "monthlyRent",
        "-monthlyRent",
        "createdAt",
        "-updatedAt",
    ] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = product
                .get(
                    &format!("/apartments?limit=3&withTotal=true&sort={sort}{cursor}"),
                    &manager,
                )
                .await
                .is(200);
            assert_eq!(page.json["total"], 7);
            seen.extend(
                page.json["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            match page.json["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((count, seen.len()), (7, 7), "{sort}");
    }
    let filtered = product
        .get(
            &format!("/apartments?compoundId={compound}&status=VACANT&monthlyRent=0&withTotal=true"),
            &manager,
        )
        .await
        .is(200);
    assert_eq!(filtered.json["total"], 3);
    assert_eq!(
        product.get("/apartments?q=A6", &manager).await.json["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        product.get("/apartments?surprise=1", &manager).await.is(400).json["errors"][0]["field"],
        "surprise"
    );
    assert_eq!(
        product.get("/apartments?cursor=x", &manager).await.is(400).code(),
        "BAD_CURSOR"
    );
    assert_eq!(
        product.get("/apartments?limit=101", &manager).await.is(400).code(),
        "VALIDATION_FAILED"
    );
    let csv = product
        .send(
            Method::GET,
            "/apartments?sort=apartmentNumber",
            &manager,
            &[("accept", "text/csv")],
            Body::empty(),
        )
        .await
        .is(200);
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(csv.text.lines().count(), 8);
    assert!(csv.text.lines().nth(1).unwrap().contains(",'=A0,-1,"), "{}", csv.text);
}

#[tokio::test]
async fn versions_guard_changes() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let made = product
        .post(
            "/compounds",
            &manager,
            json!({"name": "One", "address": {"city": "Cairo"}}),
        )
        .await
        .is(201);
    let path = format!("/compounds/{}", made.id());
    let tag = made.etag();
    assert_eq!(product.get(&path, &manager).await.is(200).etag(), tag);
    product
        .send(Method::GET, &path, &manager, &[("if-none-match", &tag)], Body::empty())
        .await
        .is(304);
    assert_eq!(
        product.patch(&path, &manager, json!({})).await.is(200).etag(),
        tag,
        "an empty patch changes nothing"
    );
    product.patch(&path, &manager, json!({"name": "Two"})).await.is(200);
    let stale = [("content-type", "application/json"), ("if-match", tag.as_str())];
    let refused = product
        .send(
            Method::PATCH,
            &path,
            &manager,
            &stale,
            json!({"name": "Three"}).to_string(),
        )
        .await
        .is(412);
    assert_eq!(refused.code(), "PRECONDITION_FAILED");
    assert_eq!(
        product.patch(&path, &manager, json!({"name": null})).await.is(400).json["errors"][0]["code"],
        "WRONG_TYPE"
    );
    assert_eq!(
        product.patch(&path, &manager, json!({"colour": 1})).await.is(400).json["errors"][0]["code"],
        "UNKNOWN_PROPERTY"
    );
    let apartment = json!({"compoundId": made.id(), "apartmentNumber": "1", "monthlyRent": 5});
    let apartment_path = format!(
        "/apartments/{}",
        product
            .post("/apartments", &manager, apartment.clone())
            .await
            .is(201)
            .id()
    );
    assert_eq!(
        product.post("/apartments", &manager, apartment).await.is(409).code(),
        "CONFLICT"
    );
    assert_eq!(product.delete(&path, &manager).await.is(409).code(), "CONFLICT");
    assert_eq!(
        product
            .patch(&apartment_path, &manager, json!({"status": "OCCUPIED"}))
            .await
            .is(422)
            .code(),
        "INVALID_TRANSITION"
    );
    assert_eq!(
        product
            .patch(&apartment_path, &manager, json!({"status": "MAINTENANCE", "floor": 3}))
            .await
            .is(200)
            .json["floor"],
        3
    );
    assert_eq!(
        product
            .patch(&apartment_path, &manager, json!({"status": "VACANT", "floor": null}))
            .await
            .is(200)
            .json["floor"],
        Value::Null
    );
    product.delete(&apartment_path, &manager).await.is(204);
    product.delete(&path, &manager).await.is(204);
    product.get(&path, &manager).await.is(404);
}

#[tokio::test]
async fn another_company_s_ids_are_404_before_anything_else() {
    let product = Product::start();
    let (_, theirs) = product.person(Role::Manager, Some(product.company()));
    let (apartment, tenant, lease) = product.lease(&theirs).await;
    let own = product.company();
    let (_, manager) = product.person(Role::Admin, Some(own));
    for path in [
        format!("/apartments/{apartment}"),
        format!("/tenants/{tenant}"),
        format!("/occupancies/{lease}"),
    ] {
        product.get(&path, &manager).await.is(404);
        product.get(&format!("{path}?surprise=1"), &manager).await.is(404);
        product.patch(&path, &manager, json!({"surprise": 1})).await.is(404);
        product.delete(&path, &manager).await.is(404);
    }
    let (mine, someone, _) = product.lease(&manager).await;
    for (path, body) in [
        (
            "/apartments",
            json!({"compoundId": product.get("/compounds", &theirs).await.json["items"][0]["id"], "surprise": 1}),
        ),
        (
            "/occupancies",
            json!({"apartmentId": apartment, "tenantId": someone, "startDate": "never"}),
        ),
        (
            "/occupancies",
            json!({"apartmentId": mine, "tenantId": tenant, "startDate": "2026-01-01"}),
        ),
        ("/invoices", json!({"occupancyId": lease})),
        ("/maintenance-requests", json!({"apartmentId": apartment})),
    ] {
        product.post(path, &manager, body).await.is(404);
    }
    assert_eq!(
        product
            .get(&format!("/occupancies?apartmentId={apartment}"), &manager)
            .await
            .is(200)
            .json["items"],
        json!([])
    );
    product
        .get(&format!("/apartments?companyId={}", product.company()), &manager)
        .await
        .is(404);
    let (_, owner) = product.person(Role::SuperAdmin, None);
    product.get("/apartments", &owner).await.is(400);
    assert_eq!(
        product
            .get(&format!("/apartments?companyId={own}"), &owner)
            .await
            .is(200)
            .json["items"][0]["id"],
        json!(mine)
    );
    product.get(&format!("/apartments/{apartment}"), &owner).await.is(200);
    product
        .get(&format!("/apartments/{apartment}?companyId={own}"), &owner)
        .await
        .is(404);
    product.get("/apartments", "").await.is(401);
}

#[tokio::test]
async fn residents_see_what_is_theirs() {
    let product = Product::start();
    let company = product.company();
    let (_, manager) = product.person(Role::Manager, Some(company));
    let (_, admin) = product.person(Role::Admin, Some(company));
    let (user, resident) = product.person(Role::Student, Some(company));
    let (_, neighbour) = product.person(Role::Tenant, Some(company));
    let (apartment, tenant, lease) = product.lease(&manager).await;
    assert_eq!(
        product.get(&format!("/tenants/{tenant}"), &manager).await.json["nationalId"],
        "**********4567"
    );
    assert_eq!(
        product.get(&format!("/tenants/{tenant}"), &admin).await.json["nationalId"],
        "29801011234567"
    );
    assert_eq!(
        product.get("/occupancies", &resident).await.is(200).json["items"],
        json!([])
    );
    product
        .patch(&format!("/tenants/{tenant}"), &manager, json!({"userId": user}))
        .await
        .is(200);
    assert_eq!(
        product.get("/occupancies", &resident).await.json["items"][0]["id"],
        json!(lease)
    );
    product.get(&format!("/occupancies/{lease}"), &resident).await.is(200);
    product.get(&format!("/occupancies/{lease}"), &neighbour).await.is(404);
    product.get("/apartments", &resident).await.is(403);
    product.get("/tenants", &resident).await.is(403);
    product.post("/occupancies", &resident, json!({})).await.is(403);
    product
        .post("/invoices/generate", &manager, json!({"month": "2026-01"}))
        .await
        .is(200);
    assert_eq!(
        product.get("/invoices", &resident).await.json["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(product.get("/invoices", &neighbour).await.json["items"], json!([]));

    let request = json!({"apartmentId": apartment, "title": "Leak", "description": "Under the sink"});
    product
        .post("/maintenance-requests", &neighbour, request.clone())
        .await
        .is(404);
    let made = product.post("/maintenance-requests", &resident, request).await.is(201);
    let path = format!("/maintenance-requests/{}", made.id());
    product.get(&path, &neighbour).await.is(404);
    product
        .patch(&path, &resident, json!({"status": "RESOLVED"}))
        .await
        .is(403);
    let moved = product
        .patch(&path, &manager, json!({"status": "IN_PROGRESS"}))
        .await
        .is(200);
    assert_eq!(moved.json["history"].as_array().unwrap().len(), 2);
    product
        .patch(&path, &resident, json!({"status": "CLOSED"}))
        .await
        .is(200);
    assert_eq!(
        product
            .patch(&path, &manager, json!({"status": "OPEN"}))
            .await
            .is(422)
            .code(),
        "INVALID_TRANSITION"
    );
}

#[tokio::test]
async fn companies_are_made_by_the_owner_and_settled_by_their_admins() {
    let product = Product::start();
    let (_, owner) = product.person(Role::SuperAdmin, None);
    let body = json!({"name": "Acme", "slug": "acme", "currency": "EGP", "timezone": "Africa/Cairo"});
    let made = product.post("/companies", &owner, body.clone()).await.is(201);
    assert_eq!(
        made.json["lateFee"],
        json!({"type": "NONE", "value": 0, "graceDays": 0})
    );
    assert_eq!(
        product.post("/companies", &owner, body.clone()).await.is(409).code(),
        "CONFLICT"
    );
    let company: CompanyId = made.id().parse().unwrap();
    let (_, admin) = product.person(Role::Admin, Some(company));
    product.post("/companies", &admin, body).await.is(403);
    let path = format!("/companies/{company}");
    let fee = json!({"lateFee": {"type": "PERCENT", "value": 5, "graceDays": 3}, "allowedEmailDomains": ["Uni.edu"]});
    let settled = product.patch(&path, &admin, fee).await.is(200);
    assert_eq!(settled.json["allowedEmailDomains"], json!(["uni.edu"]));
    let wrong = product
        .patch(
            &path,
            &admin,
            json!({"lateFee": {"type": "PERCENT", "value": 101}, "currency": "XXX"}),
        )
        .await
        .is(400);
    assert_eq!(wrong.json["errors"].as_array().unwrap().len(), 2, "{}", wrong.text);
    product.patch(&path, &admin, json!({"isActive": false})).await.is(403);
    assert_eq!(
        product.get("/companies", &admin).await.is(200).json["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    product
        .get(&format!("/companies/{}", product.company()), &admin)
        .await
        .is(404);
    assert_eq!(
        product.delete(&path, &owner).await.is(409).code(),
        "CONFLICT",
        "its admin belongs to it"
    );
}

#[tokio::test]
async fn files_are_imported_whole_or_not_at_all() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let compound = product
        .post("/compounds", &manager, json!({"name": "One"}))
        .await
        .is(201)
        .id();
    let csv = [("content-type", "text/csv")];
    let good = format!("compoundId,apartmentNumber,floor,monthlyRent\n{compound},1,2,1000\n{compound},'=2,,2000\n");
    let bad = format!("compoundId,apartmentNumber,floor,monthlyRent\n{compound},1,x,1000\nnope,2,,-1\n");
    let twice = format!(
        "compoundId,apartmentNumber,monthlyRent\n{compound},7,1\n{compound},7,1\n{},8,1\n",
        clock::new_id(CompanyId::generate)
    );
    let import = |text: &str, query: &str| {
        let (path, text) = (format!("/apartments/import{query}"), text.to_owned());
        let (product, manager) = (&product, &manager);
        async move { product.send(Method::POST, &path, manager, &csv, text).await }
    };
    let errors = import(&bad, "").await.is(200);
    let named: Vec<_> = errors.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["line"].as_u64().unwrap(), e["field"].as_str().unwrap()))
        .collect();
    assert_eq!(
        named,
        [(2, "floor"), (3, "compoundId"), (3, "monthlyRent")],
        "{}",
        errors.text
    );
    let errors = import(&twice, "").await.is(200);
    assert_eq!(errors.json["errors"].as_array().unwrap().len(), 2, "{}", errors.text);
    assert_eq!(
        import(&good, "?dryRun=true").await.is(200).json,
        json!({"created": 2, "errors": []})
    );
    assert_eq!(
        product.get("/apartments?withTotal=true", &manager).await.json["total"],
        0
    );
    assert_eq!(
        import(&good, "").await.is(200).json,
        json!({"created": 2, "errors": []})
    );
    assert_eq!(
        product.get("/apartments?apartmentNumber=%3D2", &manager).await.json["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        import(&good, "").await.is(200).json["errors"][0]["message"],
        "is taken in this compound"
    );
    let tenants = "fullName,email,phone\nAna,ana@example.org,'+201001234567\n";
    let imported = product
        .send(Method::POST, "/tenants/import", &manager, &csv, tenants)
        .await
        .is(200);
    assert_eq!(imported.json["created"], 1, "{}", imported.text);
    product.post("/tenants/import", &manager, json!({})).await.is(415);
}

#[tokio::test]
async fn jobs_are_for_the_scheduler_only() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    product.lease(&manager).await;
    let run = |signed: bool, job: &'static str| {
        let path = format!("/internal/jobs/{job}");
        let mut request = Request::post(&path);
        if signed {
            let signature = sign_request(INTERNAL.as_bytes(), clock::now().as_seconds(), "POST", &path, b"");
            request = request.header("x-nexus-signature", signature);
        }
        let router = product.router.clone();
        async move {
            router
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap()
                .status()
                .as_u16()
        }
    };
    for job in ["overdue", "reminders", "late-fees", "monthly-invoices"] {
        assert_eq!(
            (run(false, job).await, run(true, job).await, run(true, job).await),
            (404, 200, 200),
            "{job}"
        );
    }
    assert_eq!(
        product.get("/invoices?withTotal=true", &manager).await.json["total"],
        1,
        "made once"
    );
}

#[test]
fn the_document_names_every_filter_of_every_list() {
    let document = serde_json::to_value(nexus_kit::openapi::fragment(crate::routes())).unwrap();
    let named = |path: &str| -> Vec<String> {
        let parameters = document["paths"][format!("/api/v1{path}")]["get"]["parameters"]
            .as_array()
            .unwrap();
        parameters
            .iter()
            .map(|p| p["name"].as_str().unwrap().to_owned())
            .collect()
    };
    macro_rules! check {
        ($($path:literal => $module:ident),+) => {$(
            let names = named($path);
            let filters = nexus_store::$module::LISTING.filters.iter().map(|filter| filter.name);
            for name in ["limit", "cursor", "sort", "q", "withTotal", "companyId"].into_iter().chain(filters) {
                assert!(names.iter().any(|given| given == name), "{name} of {} in {names:?}", $path);
            }
            assert_eq!(names.len(), 6 + nexus_store::$module::LISTING.filters.len(), "{}", $path);
        )+};
    }
    check!(
        "/companies" => company_settings, "/compounds" => compounds, "/apartments" => apartments, "/tenants" => tenants,
        "/occupancies" => occupancies, "/invoices" => invoices, "/payments" => payments, "/maintenance-requests" => maintenance
    );
}
