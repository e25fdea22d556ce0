//! A job over many companies: it comes to all of them, whatever happens with one.

use std::collections::BTreeSet;

use axum::response::{IntoResponse, Response};
use nexus_kit::ApiError;

use super::*;
use crate::routes::jobs::sweep;

async fn json_of(answer: Response) -> Value {
    assert_eq!(answer.status(), StatusCode::OK);
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// A call that has no time at all: it comes to one company. Which, and what it answers.
async fn short_call(product: &Product, job: &str, done: usize) -> (String, Value) {
    let mut reached = String::new();
    let answer = sweep(
        &product.app,
        job,
        || true,
        |day, _, _| {
            reached = day.id.to_string();
            Ok((done, Vec::new()))
        },
    )
    .await
    .unwrap_or_else(IntoResponse::into_response);
    (reached, json_of(answer).await)
}

#[tokio::test]
async fn each_call_goes_on_where_the_last_one_stopped_and_each_job_for_itself() {
    let product = Product::start();
    let companies: BTreeSet<String> = (0..3).map(|_| product.company().to_string()).collect();
    // Twice round, though there is nothing to do anywhere but where they come first.
    for place in 0..6 {
        let (reached, answer) = short_call(&product, "overdue", 0).await;
        assert_eq!(Some(&reached), companies.iter().cycle().nth(place));
        assert_eq!((&answer["companies"], &answer["left"]), (&json!(1), &json!(2)));
        assert_eq!(answer["more"], place < 3, "a new day was work: {answer}");
    }
    let (reached, _) = short_call(&product, "reminders", 0).await;
    assert_eq!(Some(&reached), companies.first());
    let (reached, answer) = short_call(&product, "overdue", 1).await;
    assert_eq!((Some(&reached), &answer["more"]), (companies.first(), &json!(true)));

    // A company that is new on the way is come to in its turn, and so are those behind one that has closed.
    let newest = product.company().to_string();
    product
        .app
        .database()
        .execute("UPDATE companies SET is_active = 0 WHERE id = ?1", params![reached])
        .unwrap();
    let mut round = Vec::new();
    for _ in 0..4 {
        round.push(short_call(&product, "overdue", 0).await.0);
    }
    let open: Vec<_> = companies.iter().skip(1).chain([&newest]).cloned().collect();
    assert_eq!((&round[..3], &round[3]), (&open[..], &open[0]));
    let answer = sweep(&product.app, "overdue", || false, |_, _, _| Ok((1, Vec::new())))
        .await
        .unwrap_or_else(IntoResponse::into_response);
    assert_eq!(
        json_of(answer).await,
        json!({"companies": 3, "done": 3, "failed": 0, "left": 0, "more": false})
    );
}

#[tokio::test]
async fn a_company_on_which_the_call_dies_is_behind_the_next_one() {
    let product = Product::start();
    let companies: BTreeSet<String> = (0..3).map(|_| product.company().to_string()).collect();
    let app = product.app.clone();
    let dies = tokio::spawn(async move {
        sweep(&app, "overdue", || true, |_, _, _| panic!("no memory"))
            .await
            .is_ok()
    });
    assert!(dies.await.is_err());
    assert_eq!(
        Some(&short_call(&product, "overdue", 0).await.0),
        companies.iter().nth(1)
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
    let answer = sweep(&product.app, "overdue", after_two, |_, _, _| {
        begun += 1;
        match begun {
            1 => Err(ApiError::internal("broken")),
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
