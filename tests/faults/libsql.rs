//! Decisions and mail on a libSQL server: each statement is a round trip there, and any of them may be lost.

use std::time::{Duration, Instant};

use nexus_tests::{Client, Cut, CuttingProxy, LibsqlServer, TestApp, stores_at};
use reqwest::Method;
use serde_json::json;

use crate::approvals::{APPROVED, Decisions, Made, REJECTED, behind_a_proxy, register};

async fn start(url: &str) -> TestApp {
    behind_a_proxy().stores(stores_at(url)).start().await
}

async fn owner(app: &TestApp) -> Client {
    let account = tokio::task::block_in_place(|| app.admin_create("owner@example.org", "SUPER_ADMIN", None));
    account.sign_in(&app.client()).await
}

/// People decided upon, after it was made sure that each has all that belongs to them.
async fn whole(server: &LibsqlServer, halves: [&str; 7], when: &str) -> i64 {
    let mut counts = Vec::new();
    for sql in halves {
        counts.push(server.count(sql).await);
    }
    assert!(
        counts.iter().all(|count| *count == counts[0]),
        "{when}: {counts:?} of {halves:?}"
    );
    counts[0]
}

/// Until nothing but what a test does itself writes into the database.
async fn await_sent(server: &LibsqlServer) {
    let patience = Instant::now() + Duration::from_secs(60);
    while server.count("SELECT count(*) FROM outbox WHERE status <> 'SENT'").await > 0 {
        assert!(Instant::now() < patience, "mail stays in the outbox");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_let_in_by_mail_and_every_decision_is_kept_on_a_libsql_server() {
    let server = LibsqlServer::start();
    let app = start(&server.url()).await;
    let owner = owner(&app).await;
    let ana = register(&app.client(), "ana@example.org").await;
    owner
        .post_empty(&format!("/admin/verifications/{ana}/approve"))
        .await
        .expect(200);
    let mail = app.client().await_mail("ana@example.org", "account-approved").await;
    let password = mail.line(|line| line.len() == 14 && !line.contains(' '));
    await_sent(&server).await;
    let body = json!({ "email": "ana@example.org", "password": password });
    let signed_in = app.client().post("/auth/login", &body).await.expect(200).json();
    assert_eq!(signed_in["mustChangePassword"], true);
    assert_eq!(
        server
            .count("SELECT count(*) FROM outbox WHERE sealed IS NOT NULL")
            .await,
        0
    );

    let reason = json!({ "reason": "Noise" });
    for act in ["suspend", "reinstate", "ban"] {
        owner
            .post(&format!("/admin/users/{ana}/{act}"), &reason)
            .await
            .expect(200);
    }
    let ben = register(&app.client(), "ben@example.org").await;
    owner
        .post_empty(&format!("/admin/verifications/{ben}/reject"))
        .await
        .expect(200);
    let mail = app.client().await_mail("ben@example.org", "documents-rejected").await;
    let token = mail
        .line(|line| line.contains("token="))
        .split_once("token=")
        .expect("a link")
        .1;
    let document = json!({ "type": "PASSPORT", "fileName": "p.pdf", "contentType": "application/pdf", "data": "JVBERi0xLjcgJSVFT0Y=" });
    let again = json!({ "token": token, "documents": [document] });
    app.client().post("/documents/resubmit", &again).await.expect(201);
    owner
        .post_empty(&format!("/admin/verifications/{ben}/approve"))
        .await
        .expect(200);
    let log = owner.get("/admin/audit/verify").await.expect(200).json();
    assert_eq!(log["valid"], true, "{log}");
    let sound = server.query("PRAGMA integrity_check").await;
    assert_eq!(sound, [["ok"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_decisions_at_once_one_is_made_on_a_libsql_server() {
    let server = LibsqlServer::start();
    let app = start(&server.url()).await;
    let owner = owner(&app).await;
    let ana = register(&app.client(), "ana@example.org").await;
    let deciding: Vec<_> = (0..16)
        .map(|n| {
            let act = if n % 2 == 0 { "approve" } else { "reject" };
            let request = owner.request(Method::POST, &format!("/admin/verifications/{ana}/{act}"));
            tokio::spawn(async move { request.send().await.expect("an answer").status().as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for decided in deciding {
        statuses.push(decided.await.expect("no panic"));
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[409; 15][..]));
    let made = whole(&server, APPROVED, "approved").await + whole(&server, REJECTED, "rejected").await;
    assert_eq!(made, 1);
}

/// Cuts the connection at one statement after the other, and sees what is left.
async fn cut_everywhere(both_ways: bool) {
    let server = LibsqlServer::start();
    let proxy = CuttingProxy::before(&server.url()).await;
    let app = start(proxy.url()).await;
    let owner = owner(&app).await;
    let (mut made, mut statements) = (0, 0);
    for n in 0.. {
        let at = if both_ways { n / 2 } else { n };
        let cut = Cut {
            at,
            server_has_it: n % 2 == 1,
        };
        let person = register(&app.client(), &format!("u{n}@example.org")).await;
        await_sent(&server).await;
        let path = format!("/admin/verifications/{person}/approve");
        proxy.cut(cut);
        let status = owner.post_empty(&path).await.status;
        let (seen, is_over) = proxy.mend();
        let broken = seen.last().cloned().unwrap_or_default();
        let is_commit = broken == "COMMIT";
        let kept = whole(&server, APPROVED, &format!("{cut:?}: {broken}")).await - made;
        made += kept;
        if is_over {
            assert_eq!((status, kept), (200, 1), "without a cut it is made");
            break;
        }
        statements = statements.max(at + 1);
        match (is_commit, cut.server_has_it) {
            // The answer to the commit is lost: it is made, and only we don't know.
            (true, true) => assert_eq!((status, kept), (503, 1), "{cut:?}: {broken}"),
            _ => assert_eq!((status, kept), (503, 0), "{cut:?}: {broken}"),
        }
        // The product goes on with another connection, once the server has let go of the lock.
        let again = owner.post_empty(&path).await.status;
        made += whole(&server, APPROVED, "once more").await - made;
        assert_eq!(
            again,
            if kept == 1 { 409 } else { 200 },
            "once more after {cut:?}: {broken}"
        );
    }
    assert!(statements >= 8, "only {statements} statements were cut");
    println!("a connection broken at each of {statements} statements of an approval: {made} made, none of them half");
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_statement_of_an_approval_is_cut_off_all_of_it_is_kept_or_nothing() {
    cut_everywhere(false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn each_statement_of_an_approval_is_cut_off_before_and_after_the_server_has_it() {
    cut_everywhere(true).await;
}

/// Kills the product and the server in turn while six decisions are being made.
async fn kill_during_decisions(kills: u32) {
    let mut server = LibsqlServer::start();
    let mut app = start(&server.url()).await;
    let account = tokio::task::block_in_place(|| app.admin_create("owner@example.org", "SUPER_ADMIN", None));
    let mut made = Made::default();
    for round in 0..kills {
        let owner = account.sign_in(&app.client()).await;
        let decisions = Decisions::begin(&app.client(), &owner, round).await;
        decisions.reach_moment_of(round).await;
        match round % 2 {
            0 => {
                server.kill_9();
                server.run();
            }
            _ => app.restart().await,
        }
        decisions.add_to(&mut made).await;
        for (halves, acknowledged) in [(APPROVED, made.approvals), (REJECTED, made.rejections)] {
            let kept = whole(&server, halves, &format!("round {round}")).await;
            assert!(
                kept >= acknowledged,
                "round {round}: {acknowledged} acknowledged, {kept} kept"
            );
        }
    }
    assert_eq!(server.query("PRAGMA integrity_check").await, [["ok"]]);
    let Made { approvals, rejections } = made;
    assert!(0 < approvals + rejections, "the kills came between");
    let kept = (whole(&server, APPROVED, "").await, whole(&server, REJECTED, "").await);
    println!(
        "{kills} kills: {approvals} approvals acknowledged, {} kept; {rejections} rejections acknowledged, {} kept; 0 halves",
        kept.0, kept.1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_a_libsql_server_is_whole_whichever_process_dies() {
    kill_during_decisions(4).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn two_hundred_kills_leave_no_half_decision_on_a_libsql_server() {
    kill_during_decisions(200).await;
}
