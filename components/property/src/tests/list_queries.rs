//! What every list understands, asked as a client asks: orders, filters, `q`, `withTotal`, CSV, and what is refused.

use std::collections::BTreeSet;

use nexus_domain::ids::CompoundId;
use nexus_domain::premises::{Compound, StoredAddress};

use super::*;

/// A list, and what the store says it understands.
struct List {
    path: &'static str,
    sorts: Vec<&'static str>,
    filters: Vec<&'static str>,
    rows: usize,
    /// A search, and how many rows it finds.
    search: (&'static str, usize),
}

macro_rules! lists {
    ($($path:literal => $module:ident, $rows:literal, $search:expr;)+) => {
        vec![$(List {
            path: $path,
            sorts: nexus_store::property::$module::LISTING.sorts.iter().map(|sort| sort.name).collect(),
            filters: nexus_store::property::$module::LISTING.filters.iter().map(|filter| filter.name).collect(),
            rows: $rows,
            search: $search,
        }),+]
    };
}

fn lists() -> Vec<List> {
    lists! {
        "/companies" => company_settings, 1, ("acm", 1);
        "/compounds" => compounds, 4, ("giza", 2);
        "/apartments" => apartments, 4, ("b1", 1);
        "/tenants" => tenants, 4, ("tenant 2", 1);
        "/occupancies" => occupancies, 4, ("b1", 1);
        "/invoices" => invoices, 5, ("tenant 1", 2);
        "/payments" => payments, 4, ("slip", 2);
        "/maintenance-requests" => maintenance, 4, ("lift", 2);
    }
}

/// A few rows in each list, alike in some fields, and with something in every field at least once.
async fn furnish(product: &Product, company: CompanyId) -> String {
    let (someone, _) = product.person(Role::Tenant, Some(company));
    let (staff, token) = product.person(Role::Admin, Some(company));
    let make = async |path: &str, body: Value| product.post(path, &token, body).await.is(201).id();
    let mut invoices = Vec::new();
    for (row, priority) in (0..4).zip(["URGENT", "LOW", "HIGH", "NORMAL"]) {
        let odd = row % 2 == 1;
        let address = if odd {
            json!({"city": "Giza", "region": "Giza", "postalCode": "12511", "country": "EG"})
        } else {
            json!({})
        };
        let compound = json!({"name": format!("Compound {}", row / 2), "address": address});
        let compound = make("/compounds", compound).await;
        let apartment = json!({
            "compoundId": compound, "apartmentNumber": if row == 3 { "B1" } else { "A1" }, "monthlyRent": 1000 * (row % 3),
            "floor": odd.then_some(row), "bedrooms": odd.then_some(2), "areaSqm": odd.then_some(f64::from(row) / 3.0)
        });
        let apartment = make("/apartments", apartment).await;
        let tenant = json!({
            "userId": (row == 1).then_some(someone), "fullName": format!("Tenant {row}"), "email": format!("t{row}@example.org"),
            "phone": odd.then_some("+201001234567"), "nationalId": odd.then(|| format!("2980101123456{row}"))
        });
        let tenant = make("/tenants", tenant).await;
        let lease = json!({
            "apartmentId": apartment, "tenantId": tenant, "startDate": format!("2025-0{}-01", 1 + row % 2),
            "endDate": odd.then_some("2099-12-31"), "depositAmount": 100 * (row % 2)
        });
        let lease = make("/occupancies", lease).await;
        let request = json!({
            "apartmentId": apartment, "title": if odd { "Lift" } else { "Leak" }, "description": "It is broken.",
            "priority": priority
        });
        let request = make("/maintenance-requests", request).await;
        if odd {
            let assigned = json!({"assigneeId": staff});
            let path = format!("/maintenance-requests/{request}");
            product.patch(&path, &token, assigned).await.is(200);
        }
        let invoice = json!({
            "occupancyId": lease, "dueDate": format!("2099-01-0{}", 1 + row % 2), "status": "ISSUED",
            "periodStart": odd.then_some("2026-01-01"), "periodEnd": odd.then_some("2026-01-31"),
            "lines": [{"description": "Rent", "unitAmount": 1000 + 500 * (row % 2)}]
        });
        invoices.push(make("/invoices", invoice.clone()).await);
        if row == 1 {
            let mut draft = invoice;
            draft["status"] = json!("DRAFT");
            make("/invoices", draft).await;
        }
        let payment = json!({
            "invoiceId": invoices[0], "amount": 1 + row % 2, "paymentMethod": if odd { "CARD" } else { "CASH" },
            "paymentDate": format!("2026-01-0{}", 1 + row % 3), "reference": odd.then_some("Slip 7")
        });
        let payment = make("/payments", payment).await;
        if row == 2 {
            let path = format!("/payments/{payment}/reverse");
            product.post(&path, &token, json!({"reason": "Wrong"})).await.is(200);
        }
    }
    token
}

fn items(answer: &Answer) -> Vec<Value> {
    answer.json["items"].as_array().unwrap().clone()
}

fn id(item: &Value) -> String {
    item["id"].as_str().unwrap().to_owned()
}

fn field<'a>(item: &'a Value, name: &str) -> &'a Value {
    match name {
        "city" | "region" | "postalCode" | "country" => &item["address"][name],
        _ => &item[name],
    }
}

/// A value as it stands in a query string.
fn written(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// All pages of two, as clients walk them.
async fn walked(product: &Product, token: &str, path: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = product.get(&format!("{path}&limit=2{cursor}"), token).await.is(200);
        seen.extend(items(&page).iter().map(id));
        match page.json["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

#[tokio::test]
async fn every_order_of_every_list_is_walked_page_by_page_both_ways() {
    let product = Product::start();
    let token = furnish(&product, product.company()).await;
    for list in lists() {
        let path = list.path;
        let all = product
            .get(&format!("{path}?limit=100&withTotal=true"), &token)
            .await
            .is(200);
        assert_eq!(all.json["total"], list.rows, "{path}");
        let mut ids: Vec<_> = items(&all).iter().map(id).collect();
        ids.sort();
        for sort in &list.sorts {
            let up = walked(&product, &token, &format!("{path}?sort={sort}")).await;
            let mut down = walked(&product, &token, &format!("{path}?sort=-{sort}")).await;
            down.reverse();
            assert_eq!(up, down, "{path} by {sort}");
            let mut sorted = up;
            sorted.sort();
            assert_eq!(sorted, ids, "{path} by {sort}");
        }
    }
}

#[tokio::test]
async fn every_filter_of_every_list_finds_what_has_the_value_and_counts_it() {
    let product = Product::start();
    let token = furnish(&product, product.company()).await;
    for list in lists() {
        let path = list.path;
        let all = items(&product.get(&format!("{path}?limit=100"), &token).await.is(200));
        for name in &list.filters {
            let given = all.iter().map(|item| field(item, name)).find(|value| !value.is_null());
            let value = given.unwrap_or_else(|| panic!("no row of {path} has {name}"));
            let having = all.iter().filter(|item| field(item, name) == value).count();
            let filtered = format!("{path}?withTotal=true&limit=100&{name}={}", written(value));
            let found = product.get(&filtered, &token).await.is(200);
            assert!(
                items(&found).iter().all(|item| field(item, name) == value),
                "{filtered}"
            );
            assert_eq!(
                (items(&found).len(), &found.json["total"]),
                (having, &json!(having)),
                "{filtered}"
            );
        }
        let (text, found) = list.search;
        for (text, found) in [(text, found), ("nothing is called so", 0)] {
            let searched = format!("{path}?withTotal=true&q={}", written(&json!(text)));
            let answer = product.get(&searched, &token).await.is(200);
            assert_eq!(
                (items(&answer).len(), &answer.json["total"]),
                (found, &json!(found)),
                "{searched}"
            );
        }
    }
}

#[tokio::test]
async fn every_list_is_a_table_for_who_accepts_csv_in_the_order_asked_for() {
    let product = Product::start();
    let token = furnish(&product, product.company()).await;
    for list in lists() {
        let sort = list.sorts.last().unwrap();
        let path = format!("{}?sort=-{sort}", list.path);
        let rows: Vec<_> = items(&product.get(&path, &token).await.is(200))
            .iter()
            .map(id)
            .collect();
        // Of a table there are no pages.
        let path = format!("{path}&limit=1");
        let accept = [("accept", "text/csv")];
        let csv = product
            .send(Method::GET, &path, &token, &accept, Body::empty())
            .await
            .is(200);
        assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
        let mut lines = csv.text.lines();
        assert!(lines.next().unwrap().starts_with("id,"), "{path}");
        let first: Vec<_> = lines.map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!(first, rows, "{path}");
    }
}

/// More rows than are read at once, in orders with an index and without.
#[tokio::test]
async fn a_long_table_has_every_row_once() {
    let product = Product::start();
    let company = product.company();
    let (_, token) = product.person(Role::Manager, Some(company));
    for row in 0..2_050 {
        let now = clock::now();
        let compound = Compound {
            id: clock::new_id(CompoundId::generate),
            company_id: company,
            name: format!("Compound {}", row % 7),
            address: StoredAddress {
                city: (row % 3 == 1).then(|| "Giza".to_owned()),
                ..StoredAddress::default()
            },
            created_at: now,
            updated_at: now,
            version: 1,
        };
        nexus_store::property::compounds::insert(product.app.database(), &compound).unwrap();
    }
    for sort in ["createdAt", "name", "-city"] {
        let (path, accept) = (format!("/compounds?sort={sort}"), [("accept", "text/csv")]);
        let csv = product
            .send(Method::GET, &path, &token, &accept, Body::empty())
            .await
            .is(200);
        let ids: BTreeSet<_> = csv.text.lines().skip(1).map(|line| line.split(',').next()).collect();
        assert_eq!((csv.text.lines().count(), ids.len()), (2_051, 2_050), "{sort}");
    }
}

#[tokio::test]
async fn what_a_list_does_not_understand_is_named() {
    let product = Product::start();
    let (_, token) = product.person(Role::Admin, Some(product.company()));
    for list in lists() {
        let path = list.path;
        for (query, wrong) in [
            ("sort=colour", "sort"),
            ("sort=--createdAt", "sort"),
            ("sort=", "sort"),
            ("colour=red", "colour"),
            ("version=1", "version"),
            ("createdAt=yesterday", "createdAt"),
            ("updatedAt=2026-01-31", "updatedAt"),
            ("withTotal=1", "withTotal"),
            ("limit=0", "limit"),
        ] {
            let refused = product.get(&format!("{path}?{query}"), &token).await.is(400);
            assert_eq!(refused.code(), "VALIDATION_FAILED");
            assert_eq!(refused.json["errors"][0]["field"], wrong, "{path}?{query}");
        }
        let twice = product
            .get(&format!("{path}?sort=createdAt&sort=createdAt"), &token)
            .await;
        assert_eq!(twice.is(400).json["errors"][0]["field"], "sort");
    }
    for (path, wrong) in [
        ("/apartments?areaSqm=NaN", "areaSqm"),
        ("/apartments?status=ON_FIRE", "status"),
        ("/occupancies?depositHeld=1.5", "depositHeld"),
        ("/payments?paymentDate=2026-01-31T09:00:00Z", "paymentDate"),
        ("/maintenance-requests?assigneeId=me", "assigneeId"),
        ("/companies?isActive=yes", "isActive"),
    ] {
        let refused = product.get(path, &token).await.is(400);
        assert_eq!(refused.json["errors"][0]["field"], wrong, "{path}");
    }
}

#[tokio::test]
async fn priorities_are_sorted_by_urgency() {
    let product = Product::start();
    let token = furnish(&product, product.company()).await;
    let sorted = product.get("/maintenance-requests?sort=priority", &token).await.is(200);
    let priorities: Vec<_> = items(&sorted).iter().map(|item| item["priority"].clone()).collect();
    assert_eq!(priorities, ["LOW", "NORMAL", "HIGH", "URGENT"]);
}

#[tokio::test]
async fn a_national_id_that_is_masked_is_no_order_and_no_filter() {
    let product = Product::start();
    let company = product.company();
    let admin = furnish(&product, company).await;
    let (_, manager) = product.person(Role::Manager, Some(company));
    let whole = "29801011234561";
    let found = product
        .get(&format!("/tenants?nationalId={whole}"), &admin)
        .await
        .is(200);
    assert_eq!(items(&found).len(), 1);
    assert_eq!(found.json["items"][0]["nationalId"], whole);
    product.get("/tenants?sort=-nationalId", &admin).await.is(200);
    for query in [
        &format!("nationalId={whole}"),
        "nationalId=",
        "sort=nationalId",
        "sort=-nationalId",
    ] {
        let refused = product.get(&format!("/tenants?{query}"), &manager).await.is(403);
        assert_eq!(refused.code(), "FORBIDDEN", "{query}");
    }
    let accept = [("accept", "text/csv")];
    let tenant = id(&found.json["items"][0]);
    for path in [
        "/tenants".to_owned(),
        "/tenants?sort=phone".to_owned(),
        format!("/tenants/{tenant}"),
    ] {
        let shown = product.get(&path, &manager).await.is(200);
        assert!(
            shown.text.contains("4561\"") && !shown.text.contains(whole),
            "{}",
            shown.text
        );
    }
    let csv = product
        .send(Method::GET, "/tenants", &manager, &accept, Body::empty())
        .await
        .is(200);
    assert!(csv.text.contains("*4561,") && !csv.text.contains(whole), "{}", csv.text);
    // A search doesn't look there either.
    let searched = product.get(&format!("/tenants?q={whole}"), &manager).await.is(200);
    assert_eq!(searched.json["items"], json!([]));
}
