//! A month with more leases than one batch takes.

use super::*;

/// Two whole batches and one more.
const LEASES: usize = 1_001;

/// Leases like the one there is, each of an apartment of its own.
fn multiply(product: &Product) {
    let count = LEASES - 1;
    for sql in [
        format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count}) \
             INSERT INTO apartments (id, company_id, compound_id, apartment_number, monthly_rent, created_at, updated_at) \
             SELECT substr(id, 1, 28) || printf('%08x', n), company_id, compound_id, 'B' || n, 1000, 0, 0 \
             FROM apartments, n WHERE apartment_number = 'A1'"
        ),
        "INSERT INTO occupancies (id, company_id, apartment_id, tenant_id, start_date, monthly_rent, status, created_at, \
         updated_at) SELECT substr(o.id, 1, 28) || substr(a.id, 29), o.company_id, a.id, o.tenant_id, o.start_date, \
         a.monthly_rent, 'ACTIVE', 0, 0 FROM occupancies o, apartments a WHERE a.apartment_number LIKE 'B%'"
            .to_owned(),
    ] {
        product.app.database().execute(&sql, &[]).unwrap();
    }
}

async fn generate(product: &Product, token: &str, month: &str) -> Answer {
    let key = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let body = json!({"month": month}).to_string();
    product
        .send(Method::POST, "/invoices/generate", token, &key, body)
        .await
}

fn count(product: &Product, sql: &str) -> i64 {
    product.app.database().query(sql, &[]).unwrap()[0].get(0).unwrap()
}

#[tokio::test]
async fn a_key_s_answer_counts_every_batch_and_comes_again() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    product.lease(&manager).await;
    multiply(&product);
    for _ in 0..2 {
        let answer = generate(&product, &manager, "2025-02").await.is(200);
        assert_eq!(answer.json, json!({"created": LEASES, "skipped": 0}));
    }
    let other = generate(&product, &manager, "2025-03").await.is(422);
    assert_eq!(other.code(), "IDEMPOTENCY_MISMATCH");
    assert_eq!(count(&product, "SELECT count(*) FROM invoices"), LEASES as i64);
    assert_eq!(count(&product, "SELECT last FROM invoice_counters"), LEASES as i64);
    let batches = "SELECT count(*) FROM audit_log WHERE action = 'company.invoices_generated'";
    assert_eq!(count(&product, batches), 3, "an entry for each batch");
}

#[tokio::test]
async fn a_call_that_failed_on_the_way_is_gone_on_with_under_the_same_key() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    product.lease(&manager).await;
    multiply(&product);
    let breaks = "CREATE TRIGGER breaks BEFORE INSERT ON invoices WHEN (SELECT count(*) FROM invoices) = 700 BEGIN \
                  SELECT RAISE(ABORT, 'nexus:BROKEN'); END";
    product.app.database().execute(breaks, &[]).unwrap();
    generate(&product, &manager, "2025-02").await.is(500);
    assert_eq!(count(&product, "SELECT count(*) FROM invoices"), 500, "the first batch");
    product.app.database().execute("DROP TRIGGER breaks", &[]).unwrap();
    let rest = generate(&product, &manager, "2025-02").await.is(200);
    assert_eq!(rest.json, json!({"created": 501, "skipped": 500}));
    assert_eq!(count(&product, "SELECT last FROM invoice_counters"), LEASES as i64);
}
