//! A job over many companies: it comes to all of them, whatever happens with one.

use std::collections::BTreeSet;

use axum::response::{IntoResponse, Response};
use nexus_kit::Problem;

use super::*;
use crate::routes::jobs::sweep;

async fn json_of(answer: Response) -> Value {
    assert_eq!(answer.status(), StatusCode::OK);
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn what_one_call_leaves_the_next_ones_come_to() {
    let product = Product::start();
    let companies: BTreeSet<String> = (0..3).map(|_| product.company().to_string()).collect();
    let mut reached = BTreeSet::new();
    for _ in 0..1_000 {
        if reached.len() == companies.len() {
            break;
        }
        // No time at all: one company each.
        let answer = sweep(
            &product.app,
            || true,
            |day, _, _| Ok((usize::from(reached.insert(day.id.to_string())), Vec::new())),
        )
        .await
        .unwrap_or_else(IntoResponse::into_response);
        let answer = json_of(answer).await;
        assert_eq!((&answer["companies"], &answer["left"]), (&json!(1), &json!(2)));
        assert_eq!(
            answer["more"],
            answer["done"] == 1,
            "at once again while there is work: {answer}"
        );
    }
    assert_eq!(reached, companies);
    let answer = sweep(&product.app, || false, |_, _, _| Ok((1, Vec::new())))
        .await
        .unwrap_or_else(IntoResponse::into_response);
    assert_eq!(
        json_of(answer).await,
        json!({"companies": 3, "done": 3, "failed": 0, "left": 0, "more": false})
    );
}

#[tokio::test]
async fn a_company_that_can_t_be_read_keeps_no_other_waiting() {
    let product = Product::start();
    for _ in 0..3 {
        let (_, manager) = product.person(Role::Manager, Some(product.company()));
        product.lease(&manager).await;
    }
    let broken = "UPDATE companies SET timezone = 'Nowhere' WHERE id = (SELECT min(id) FROM companies)";
    product.app.database().execute(broken, &[]).unwrap();
    let answer = product.run_job("monthly-invoices").await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "it is told");
    assert_eq!(answer.headers()["x-nexus-nudge"], "mail", "the others' mails are there");
    let made = product
        .app
        .database()
        .query("SELECT count(DISTINCT company_id) FROM invoices", &[])
        .unwrap();
    assert_eq!(made[0].get::<i64>(0).unwrap(), 2);
}

#[tokio::test]
async fn a_failure_makes_those_that_are_left_wait_no_longer() {
    let product = Product::start();
    for _ in 0..3 {
        product.company();
    }
    let (mut asked, mut begun) = (0, 0);
    let after_two = || {
        asked += 1;
        asked == 2
    };
    let answer = sweep(&product.app, after_two, |_, _, _| {
        begun += 1;
        match begun {
            1 => Err(Problem::internal("broken").into()),
            _ => Ok((1, Vec::new())),
        }
    })
    .await
    .unwrap_or_else(IntoResponse::into_response);
    assert_eq!(
        json_of(answer).await,
        json!({"companies": 2, "done": 1, "failed": 1, "left": 1, "more": true})
    );
}
