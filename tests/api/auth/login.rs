use futures::future::join_all;
use nexus_tests::{Answer, TestApp};
use reqwest::Method;
use serde_json::json;

use super::{credentials, resident};

#[tokio::test(flavor = "multi_thread")]
async fn of_64_guesses_at_once_at_most_five_are_checked_and_the_right_password_waits_then() {
    let mut app = TestApp::start().await;
    let account = resident(&app, "ana@example.org");
    let client = app.client();
    let guesses = join_all((0..64).map(|n| {
        let client = client.clone();
        async move {
            client
                .post(
                    "/auth/login",
                    &credentials("ana@example.org", &format!("Wrong-Horse-{n}")),
                )
                .await
                .status
        }
    }))
    .await;
    let checked = guesses.iter().filter(|status| **status == 401).count();
    assert!(checked <= 5, "{guesses:?}");
    // Admission at the edge may have turned some away (503); those were not counted.
    for n in 0..5 {
        client
            .post(
                "/auth/login",
                &credentials("ana@example.org", &format!("Wrong-Horse-{n}")),
            )
            .await;
    }
    let refused = client
        .post("/auth/login", &credentials(&account.email, &account.password))
        .await;
    let refused = refused.expect_problem(429, "TOO_MANY_LOGIN_ATTEMPTS");
    let wait: u64 = refused
        .header("retry-after")
        .and_then(|text| text.parse().ok())
        .expect("seconds");
    assert!((1..=900).contains(&wait), "{wait}");
    app.restart().await;
    let again = app
        .client()
        .post("/auth/login", &credentials(&account.email, &account.password))
        .await;
    again.expect_problem(429, "TOO_MANY_LOGIN_ATTEMPTS");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_is_answered_like_a_wrong_password() {
    let app = TestApp::start().await;
    resident(&app, "ana@example.org");
    let client = app.client();
    let mut answers = Vec::new();
    for email in ["ana@example.org", "nobody@example.org"] {
        let answer = client
            .post("/auth/login", &credentials(email, "Wrong-Horse-7"))
            .await
            .expect_problem(401, "INVALID_CREDENTIALS");
        let mut body = answer.json();
        body["requestId"] = json!(null);
        answers.push(body);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_session_refreshes_by_cookie_with_csrf_token_and_origin_only() {
    let app = TestApp::builder()
        .env("FRONTEND_URL", "https://app.example.org")
        .start()
        .await;
    let account = resident(&app, "ana@example.org");
    let client = app.client();
    let signed_in = client
        .post(
            "/auth/login?session=cookie",
            &credentials(&account.email, &account.password),
        )
        .await
        .expect(200);
    assert!(signed_in.json().get("refreshToken").is_none());
    let cookies: Vec<String> = signed_in
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().expect("ASCII").to_owned())
        .collect();
    assert!(
        cookies[0].starts_with("nexus_refresh=") && cookies[0].contains("HttpOnly"),
        "{cookies:?}"
    );
    let pairs: Vec<&str> = cookies.iter().filter_map(|cookie| cookie.split(';').next()).collect();
    let csrf = pairs[1].split_once('=').expect("a pair").1;
    let refresh = |origin: &'static str, token: String| {
        let request = client
            .request(Method::POST, "/auth/refresh")
            .header("cookie", pairs.join("; "));
        Answer::of(request.header("origin", origin).header("x-csrf-token", token))
    };
    refresh("https://evil.example", csrf.to_owned())
        .await
        .expect_problem(403, "CSRF_FAILED");
    refresh("https://app.example.org", "x".to_owned())
        .await
        .expect_problem(403, "CSRF_FAILED");
    let refreshed = refresh("https://app.example.org", csrf.to_owned()).await.expect(200);
    assert!(refreshed.json()["accessToken"].is_string());
}
