use std::fs;
use std::process::Output;

use nexus_domain::password::Password;
use nexus_domain::password_hash::Hashing;
use nexus_domain::settings::PasswordHash;
use nexus_tests::TestApp;

use super::{PASSWORD, credentials};

fn import(app: &TestApp, file: &str, text: &str, more: &[&str]) -> Output {
    let data = app.data();
    let path = data.join(file);
    fs::write(&path, text).expect("a file");
    let mut arguments = vec![
        "import-users",
        "--data",
        data.to_str().expect("UTF-8"),
        path.to_str().expect("UTF-8"),
    ];
    arguments.extend(more);
    app.command(&arguments).output().expect("nexus runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_the_old_system_sign_in_with_their_old_passwords_while_the_product_runs() {
    let app = TestApp::start().await;
    let hash = Hashing::new(PasswordHash::Bcrypt, 10)
        .hash(&Password::typed(PASSWORD), [9; 16])
        .expect("a hash")
        .replacen("$2b$", "$2a$", 1);
    let text = format!(
        "email,name,password_hash,role\nana@example.org,Ana,{hash},TENANT\nbo@example.org,Bo,{hash},SUPER_ADMIN\nx,X,{hash},\n"
    );
    let dry = import(&app, "people.csv", &text, &["--dry-run"]);
    assert_eq!(dry.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&dry.stdout).starts_with("created 1, skipped 0, rejected 2"));
    let first = import(&app, "people.csv", &text, &[]);
    let told = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(
        told.contains("line 3: role:") && told.contains("line 4: email:"),
        "{told}"
    );
    let second = import(&app, "people.csv", &text, &["--allow-staff"]);
    assert!(
        String::from_utf8_lossy(&second.stdout).starts_with("created 1, skipped 1, rejected 1"),
        "{second:?}"
    );
    let client = app.client();
    let signed_in = client
        .post("/auth/login", &credentials("ana@example.org", PASSWORD))
        .await;
    let signed_in = signed_in.expect(200).json();
    assert_eq!(signed_in["user"]["role"], "TENANT");
    assert_eq!(signed_in["mustChangePassword"], false);
    // Hashed anew by then, and still the same password.
    client
        .post("/auth/login", &credentials("ana@example.org", PASSWORD))
        .await
        .expect(200);
    let usage = import(&app, "people.txt", &text, &[]);
    assert_eq!(usage.status.code(), Some(2), "which format?");
}
