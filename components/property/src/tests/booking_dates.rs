//! What is dated so far ahead or back that it is a slip is not booked.

use super::*;

#[tokio::test]
async fn rent_is_billed_up_to_the_next_month_and_payments_up_to_today() {
    let product = Product::start();
    let company = product.company();
    let (_, manager) = product.person(Role::Manager, Some(company));
    let (_, _, lease) = product.lease(&manager).await;
    let zone = "UPDATE companies SET timezone = 'Pacific/Kiritimati' WHERE id = ?1";
    product.app.database().execute(zone, params![company]).unwrap();
    let today = "Pacific/Kiritimati"
        .parse::<nexus_domain::date::Zone>()
        .unwrap()
        .date_at(clock::now());
    let month = |months: i32| today.month().plus(months).to_string();
    let generate = async |month: &str| {
        product
            .post("/invoices/generate", &manager, json!({"month": month}))
            .await
    };
    for refused in [month(2).as_str(), "2072-01", "1999-12", "1900-01"] {
        let answer = generate(refused).await.is(400);
        assert_eq!(answer.json["errors"][0]["code"], "OUT_OF_RANGE", "{refused}");
        assert_eq!(answer.json["errors"][0]["field"], "month", "{refused}");
    }
    assert_eq!(product.get("/invoices?withTotal=true", &manager).await.json["total"], 0);
    for taken in [month(1), month(0), month(-1)] {
        assert_eq!(generate(&taken).await.is(200).json["created"], 1, "{taken}");
    }
    let invoice = product.get("/invoices", &manager).await.json["items"][0]["id"].clone();
    let pay = async |date: &str| {
        let payment = json!({"invoiceId": invoice, "amount": 1, "paymentMethod": "CASH", "paymentDate": date});
        product.post("/payments", &manager, payment).await
    };
    let tomorrow = today.plus_days(1).to_string();
    for refused in [
        tomorrow.as_str(),
        "2199-12-31",
        "1900-01-01",
        "1999-12-31",
        "2199-01-01T00:00:00Z",
    ] {
        let answer = pay(refused).await.is(400);
        assert_eq!(answer.json["errors"][0]["field"], "paymentDate", "{refused}");
        assert_eq!(answer.json["errors"][0]["code"], "OUT_OF_RANGE", "{refused}");
    }
    pay(&today.to_string()).await.is(201);
    pay("2000-01-01").await.is(201);
    let beyond = pay("9999-12-31").await.is(400);
    assert_eq!(
        beyond.json["errors"][0]["message"],
        "must be a day from 1900-01-01 to 2199-12-31"
    );

    let draft = async |date: &str| {
        let lines = json!([{"description": "Cleaning", "unitAmount": 1}]);
        let new = json!({"occupancyId": lease, "invoiceDate": date, "lines": lines});
        product.post("/invoices", &manager, new).await
    };
    let ahead = today.plus_days(400).to_string();
    for refused in [ahead.as_str(), "1999-12-31"] {
        assert_eq!(
            draft(refused).await.is(400).json["errors"][0]["field"],
            "invoiceDate",
            "{refused}"
        );
    }
    let made = draft(&today.plus_days(300).to_string()).await.is(201).id();
    let path = format!("/invoices/{made}");
    product
        .patch(&path, &manager, json!({"invoiceDate": ahead}))
        .await
        .is(400);
}
