use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, header};
use serde_json::{Value, json};

use super::support::{Answered, Fixture};

fn document(content_type: &str, data: &[u8]) -> Value {
    json!({ "type": "PASSPORT", "fileName": "p.pdf", "contentType": content_type, "data": STANDARD.encode(data) })
}

async fn resubmit(f: &Fixture, token: &str, documents: Value) -> Answered {
    f.post(
        "",
        "/documents/resubmit",
        json!({ "token": token, "documents": documents }),
    )
    .await
}

#[tokio::test]
async fn an_admin_gets_the_very_bytes_and_the_look_is_written_down() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 1).await;
    let case = f.get(&f.admin, &format!("/admin/verifications/{user}")).await;
    let id = case.body["documents"][0]["id"].as_str().unwrap().to_owned();
    let answer = f.get(&f.admin, &format!("/admin/documents/{id}/content")).await;
    assert_eq!(answer.bytes, b"%PDF-1.7 ana@example.org 0 %%EOF");
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/pdf");
    assert!(
        answer.headers[header::CONTENT_DISPOSITION]
            .to_str()
            .unwrap()
            .starts_with("attachment;")
    );
    assert!(
        answer.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("sandbox")
    );
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(
        f.count("SELECT count(*) FROM audit_log WHERE action = 'document.viewed'"),
        1
    );
}

#[tokio::test]
async fn another_company_s_document_is_not_there() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.other_company), 1).await;
    let case = f.get(&f.owner, &format!("/admin/verifications/{user}")).await;
    let id = case.body["documents"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        f.get(&f.admin, &format!("/admin/documents/{id}/content")).await.code(),
        (404, "NOT_FOUND")
    );
    assert_eq!(
        f.get(&f.admin, "/admin/documents/nonsense/content").await.code(),
        (404, "NOT_FOUND")
    );
    assert_eq!(f.count("SELECT count(*) FROM audit_log"), 0);
}

#[tokio::test]
async fn documents_that_are_not_what_they_claim_are_refused_by_name() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 0).await;
    let token = f.link(user);
    let answer = resubmit(
        &f,
        &token,
        json!([
            document("application/pdf", b"%PDF-1 %%EOF"),
            document("application/pdf", b"MZ")
        ]),
    )
    .await;
    assert_eq!(answer.code(), (400, "INVALID_DOCUMENT"));
    assert_eq!(answer.body["errors"][0]["field"], "documents[1].contentType");
    let six = Value::from(vec![document("application/pdf", b"%PDF-1 %%EOF"); 6]);
    assert_eq!(resubmit(&f, &token, six).await.code(), (400, "INVALID_DOCUMENT"));
    let bad = json!([{ "type": "PASSPORT", "fileName": "p.pdf", "contentType": "application/pdf", "data": "***" }]);
    assert_eq!(resubmit(&f, &token, bad).await.code(), (400, "INVALID_DOCUMENT"));
    assert_eq!(resubmit(&f, &token, json!([])).await.code(), (400, "VALIDATION_FAILED"));
    assert_eq!(
        resubmit(&f, "wrong", json!([document("application/pdf", b"%PDF-1 %%EOF")]))
            .await
            .code(),
        (404, "NOT_FOUND")
    );
    let mut large = b"%PDF-1 %%EOF".to_vec();
    large.resize(10 * 1024 * 1024 + 1, b' ');
    assert_eq!(
        resubmit(&f, &token, json!([document("application/pdf", &large)]))
            .await
            .code(),
        (413, "PAYLOAD_TOO_LARGE")
    );
}

/// A field's name, the name and type of its file, and its content.
type Part<'a> = (&'a str, Option<(&'a str, &'a str)>, &'a [u8]);

fn form(parts: &[Part<'_>]) -> Request<Body> {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        body.extend_from_slice(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"").as_bytes());
        if let Some((file_name, content_type)) = file {
            body.extend_from_slice(format!("; filename=\"{file_name}\"\r\nContent-Type: {content_type}").as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    Request::post("/api/v1/documents/resubmit")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn a_form_does_as_well_as_json() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 0).await;
    let token = f.link(user);
    let pdf = Some(("../../a.pdf", "application/pdf"));
    let answer = f
        .raw(form(&[
            ("token", None, token.as_bytes()),
            ("documents", pdf, b"%PDF-1 %%EOF"),
            ("documentTypes", None, b"LEASE"),
        ]))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.body["documents"][0]["fileName"], "../../a.pdf");
    assert_eq!(answer.body["documents"][0]["type"], "LEASE");
}

#[tokio::test]
async fn what_is_declared_as_nothing_or_as_bytes_is_judged_by_its_content() {
    for declared in [json!("application/octet-stream"), json!(""), Value::Null] {
        let f = Fixture::new();
        let user = f.applicant("ana@example.org", Some(f.company), 0).await;
        let token = f.link(user);
        let mut one = document("", b"%PDF-1 %%EOF");
        one["contentType"] = declared.clone();
        if declared.is_null() {
            one.as_object_mut().unwrap().remove("contentType");
        }
        let answer = resubmit(&f, &token, json!([one])).await;
        assert_eq!(answer.status, 201, "{declared}: {}", answer.body);
        assert_eq!(answer.body["documents"][0]["contentType"], "application/pdf");
    }
}

#[tokio::test]
async fn truncated_documents_are_refused_by_name() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 0).await;
    let token = f.link(user);
    let png = include_bytes!("../../../../crates/domain/fixtures/whole.png");
    let jpeg = include_bytes!("../../../../crates/domain/fixtures/whole.jpg");
    let given = json!([
        document("image/png", png),
        document("image/png", &png[..png.len() - 12]),
        document("", &jpeg[..jpeg.len() - 2]),
        document("application/pdf", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"),
    ]);
    let answer = resubmit(&f, &token, given).await;
    assert_eq!(answer.code(), (400, "INVALID_DOCUMENT"));
    let errors = answer.body["errors"].as_array().unwrap();
    let told: Vec<_> = errors
        .iter()
        .map(|error| (error["field"].as_str().unwrap(), error["message"].as_str().unwrap()))
        .collect();
    let end = "its end is missing; send the whole file";
    assert_eq!(
        told,
        [
            ("documents[1].data", format!("is a truncated PNG: {end}").as_str()),
            ("documents[2].data", format!("is a truncated JPEG: {end}").as_str()),
            ("documents[3].data", format!("is a truncated PDF: {end}").as_str()),
        ]
    );
}

#[tokio::test]
async fn a_file_name_of_a_form_is_read_as_it_was_meant() {
    for (disposition, name) in [
        (&b"filename=\"Gr\xf6\xdfe.pdf\""[..], "Größe.pdf"),
        ("filename=\"Größe.pdf\"".as_bytes(), "Größe.pdf"),
        (b"filename=\"E.pdf\"; filename*=UTF-8''%e2%82%ac.pdf", "€.pdf"),
        (b"filename*=UTF-8''%e2%82%ac.pdf", "€.pdf"),
    ] {
        let f = Fixture::new();
        let user = f.applicant("ana@example.org", Some(f.company), 0).await;
        let token = f.link(user);
        let body = [
            b"--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n",
            token.as_bytes(),
            b"\r\n--b\r\nContent-Disposition: form-data; name=\"documents\"; ",
            disposition,
            b"\r\n\r\n%PDF-1 %%EOF\r\n--b--\r\n",
        ]
        .concat();
        let request = Request::post("/api/v1/documents/resubmit")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(Body::from(body))
            .unwrap();
        let answer = f.raw(request).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.body["documents"][0]["fileName"], name);
    }
}

#[tokio::test]
async fn a_form_is_held_to_its_limits_while_it_is_read() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 0).await;
    let token = f.link(user);
    let token = ("token", None, token.as_bytes());
    let pdf = Some(("a.pdf", "application/pdf"));
    let mut large = b"%PDF-1 %%EOF".to_vec();
    large.resize(10 * 1024 * 1024 + 1, b' ');
    assert_eq!(
        f.raw(form(&[token, ("documents", pdf, &large)])).await.code(),
        (413, "PAYLOAD_TOO_LARGE")
    );
    let one = ("documents", pdf, &b"%PDF-1 %%EOF"[..]);
    assert_eq!(
        f.raw(form(&[token, one, one, one, one, one, one])).await.code(),
        (400, "INVALID_DOCUMENT")
    );
    assert_eq!(
        f.raw(form(&[token, one, ("other", None, b"x")])).await.code(),
        (400, "VALIDATION_FAILED")
    );
    assert_eq!(f.raw(form(&[one])).await.code(), (400, "VALIDATION_FAILED"));
    let broken = Request::post("/api/v1/documents/resubmit")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(Body::from("--b\r\nnonsense"))
        .unwrap();
    assert_eq!(f.raw(broken).await.code(), (400, "VALIDATION_FAILED"));
}

#[tokio::test]
async fn a_document_that_the_scanner_refuses_or_can_t_judge_is_not_kept() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 0).await;
    let token = f.link(user);
    let hand_in = async |content: &[u8]| resubmit(&f, &token, json!([document("application/pdf", content)])).await;
    let refused = hand_in(b"%PDF-1 scanner: refuse %%EOF").await;
    assert_eq!(refused.code(), (400, "INVALID_DOCUMENT"));
    assert_eq!(refused.body["errors"][0]["message"], "looks bad");
    assert_eq!(
        hand_in(b"%PDF-1 scanner: fail %%EOF").await.code(),
        (503, "UNAVAILABLE")
    );
    assert_eq!(f.count("SELECT count(*) FROM documents"), 0);
    assert_eq!(hand_in(b"%PDF-1 fine %%EOF").await.status, 201);
}

#[tokio::test]
async fn rejected_documents_are_deleted_after_their_time_unless_the_content_is_still_somebody_s() {
    use nexus_kit::clock;
    use nexus_protocol::signature::sign_request;

    let f = Fixture::with(&[("rejected_documents_keep", "1s")]);
    // Tests share the blobs in memory: nobody else has this content.
    let user = f.applicant("tidied@example.org", Some(f.company), 1).await;
    let case = f.get(&f.admin, &format!("/admin/verifications/{user}")).await;
    let id = case.body["documents"][0]["id"].as_str().unwrap().to_owned();
    f.post(&f.admin, &format!("/admin/verifications/{user}/reject"), json!({}))
        .await;
    let tidy = async || {
        let secret = f.app.internal_secrets()[0].to_vec();
        let signature = sign_request(
            &secret,
            clock::now().as_seconds(),
            "POST",
            "/internal/verification/tidy",
            b"{}",
        );
        let request = Request::post("/internal/verification/tidy")
            .header("x-nexus-signature", signature)
            .body(Body::from("{}"));
        f.raw(request.unwrap()).await
    };
    assert_eq!(tidy().await.body["deleted"], 0);
    f.app
        .database()
        .execute("UPDATE documents SET verified_at = verified_at - 2000", &[])
        .unwrap();
    assert_eq!(tidy().await.body["deleted"], 1);
    assert_eq!(
        f.count("SELECT count(*) FROM audit_log WHERE action = 'document.content_deleted'"),
        1
    );
    assert_eq!(
        f.get(&f.admin, &format!("/admin/documents/{id}/content")).await.status,
        404
    );
    let unsigned = Request::post("/internal/verification/tidy")
        .body(Body::from("{}"))
        .unwrap();
    assert_eq!(f.raw(unsigned).await.status, 404);
}
