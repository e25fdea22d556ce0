use nexus_store::Database;
use nexus_tests::TestApp;

use super::{applicant, owner};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_the_log_behind_its_back_is_found_by_the_command_and_by_the_endpoint() {
    let app = TestApp::start().await;
    let owner = owner(&app).await;
    for name in ["ana", "ben"] {
        let user = applicant(&app, &format!("{name}@example.org"), None).await;
        let path = format!("/admin/verifications/{user}/approve");
        owner.post_empty(&path).await.expect(200);
    }
    let data = app.data();
    let verify = || {
        let arguments = ["audit", "verify", "--data", data.to_str().expect("UTF-8")];
        app.command(&arguments).output().expect("nexus runs")
    };
    let before = owner.get("/admin/audit/verify").await.expect(200).json();
    let told = verify();
    assert_eq!(told.status.code(), Some(0));
    let entries = before["entries"].to_string();
    assert!(String::from_utf8_lossy(&told.stdout).starts_with(&format!("{entries} entries")));

    let database = Database::open_file(&app.database_file()).expect("the database");
    let tamper = "UPDATE audit_log SET actor_id = NULL WHERE action = 'user.approved'";
    assert!(database.execute(tamper, &[]).is_err(), "the database itself refuses");
    database
        .execute("DROP TRIGGER audit_log_is_not_changed", &[])
        .expect("dropped");
    database.execute(tamper, &[]).expect("changed");
    let after = owner.get("/admin/audit/verify").await.expect(200).json();
    assert_eq!(after["valid"], false);
    let told = verify();
    assert_eq!(told.status.code(), Some(1));
    let broken = after["firstBroken"].as_str().expect("an entry");
    assert!(String::from_utf8_lossy(&told.stderr).contains(broken));
}
