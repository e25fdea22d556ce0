//! One `serve` for a data folder; commands work beside it.

use nexus_tests::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_serve_on_a_data_folder_is_refused_and_told_who_is_there() {
    let mut app = TestApp::start().await;
    let data = app.data();
    let data = data.to_str().expect("UTF-8");
    let second = app.command(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
    let output = { second }.output().expect("nexus runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let first = format!("process {} at {}", app.pid(), app.url());
    assert!(said.contains(&first) && said.contains("another folder"), "{said}");
    app.client().get("/health/ready").await.expect(200);

    app.admin_create("owner@example.org", "SUPER_ADMIN", None);
    for command in [&["migrate", "--data", data][..], &["audit", "verify", "--data", data]] {
        assert!(
            app.command(command).status().expect("nexus runs").success(),
            "{command:?}"
        );
    }
    // However the first ends, the folder is free.
    app.kill_9();
    app.restart().await;
    assert_eq!(app.terminate(), Some(0));
    app.restart().await;
}
