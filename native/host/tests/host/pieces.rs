//! Responses whose body the guest writes in pieces.

use http::Request;
use http_body::Body as _;
use http_body_util::BodyExt;
use nexus_host::{Body, Host};

use super::app::{App, ask};

async fn pieces() -> Host {
    App::new(
        r#"
[[trigger.http]]
route = "/..."
component = "pieces"
[component.pieces]
source = "@pieces"
"#,
    )
    .load()
    .await
}

async fn next(body: &mut Body) -> Option<String> {
    let frame = body.frame().await?.unwrap();
    Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn pieces_that_are_written_at_once_leave_as_one_body_with_a_length() {
    let host = pieces().await;
    let mut body = ask(&host, Request::get("/small"), "").await.into_body();
    assert_eq!(body.size_hint().exact(), Some(11));
    assert_eq!(next(&mut body).await.as_deref(), Some("firstsecond"));
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn a_piece_does_not_wait_for_a_later_one() {
    let host = pieces().await;
    let mut body = ask(&host, Request::get("/slow"), "").await.into_body();
    assert_eq!(body.size_hint().exact(), None);
    assert_eq!(next(&mut body).await.as_deref(), Some("first"));
    assert_eq!(next(&mut body).await.as_deref(), Some("second"));
    assert_eq!(next(&mut body).await, None);
}
