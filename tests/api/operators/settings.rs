//! Settings that are refused, told of, or follow from others.

use nexus_tests::{Answer, TestApp};
use reqwest::Method;

use super::nexus;

const SECRETS: [(&str, &str); 4] = [
    ("JWT_ACCESS_SECRET", "qL2m9Zt1vXc8Rb4nWs7Ty0Uk3Jh6Gf5D"),
    ("JWT_REFRESH_SECRET", "rM3n0Au2wYd9Sc5oXt8Uz1Vl4Ki7Hg6E"),
    ("INTERNAL_SECRET", "sN4o1Bv3xZe0Td6pYu9Va2Wm5Lj8Ih7F"),
    ("MAIL_SEAL_KEY", "tO5p2Cw4yAf1Ue7qZv0Wb3Xn6Mk9Ji8G"),
];

fn in_production(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut settings = SECRETS.to_vec();
    settings.push(("NEXUS_ENV", "production"));
    settings.extend(more);
    settings
}

#[test]
fn production_needs_mail_that_is_sent_and_pages_that_people_reach() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |settings: &[(&'static str, &'static str)], parts: &[&str]| {
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["config"]] {
            nexus(folder.path(), command, &in_production(settings)).expect(2, parts);
        }
    };
    let pages = ("FRONTEND_URL", "https://app.example.com");
    let (sends, key) = (
        ("MAIL_TRANSPORT", "sendgrid"),
        ("SENDGRID_API_KEY", "SG.abcdefghijklmnop"),
    );
    refused(&[], &["MAIL_TRANSPORT: is `dev`", "FRONTEND_URL: is not set"]);
    refused(&[pages], &["MAIL_TRANSPORT: is `dev`"]);
    refused(&[pages, ("MAIL_TRANSPORT", "dev")], &["MAIL_TRANSPORT: is `dev`"]);
    refused(&[sends, key], &["FRONTEND_URL: is not set"]);
    nexus(folder.path(), &["config"], &in_production(&[pages, sends, key])).expect(0, &[]);
    let local = ("FRONTEND_URL", "http://localhost:8080");
    let told = nexus(folder.path(), &["config"], &in_production(&[local, sends, key]));
    told.expect(
        0,
        &["warning: FRONTEND_URL: links in mails lead to http://localhost:8080"],
    );
    // How mail goes is the components' business; who may call is the relay's too.
    let relay = ["relay", "--listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:1"];
    let ran = nexus(folder.path(), &relay, &in_production(&[])).expect(2, &["FRONTEND_URL: is not set"]);
    assert!(!ran.stderr.contains("MAIL_TRANSPORT"), "{}", ran.stderr);
}

#[test]
fn a_misspelt_setting_is_told_of_with_the_one_that_was_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "THROTTLE_LIMT=1\nDATABASE_URL=x\nSPIN_VARIABLE_FRONTEND_URL=http://localhost:1\nPORT=3001\n";
    std::fs::write(folder.path().join(".env"), text).expect("a file");
    let told = nexus(folder.path(), &["config"], &[("SENDGRID_API_KEI", "x"), ("LANG", "C")]).expect(
        0,
        &[
            "warning: .env:1: THROTTLE_LIMT is no setting; did you mean THROTTLE_LIMIT?",
            ".env:2: DATABASE_URL is no setting",
            ".env:3: SPIN_VARIABLE_FRONTEND_URL is for `spin up`; `nexus` reads FRONTEND_URL",
            "SENDGRID_API_KEI (in the environment) is no setting; did you mean SENDGRID_API_KEY?",
        ],
    );
    assert_eq!(told.stderr.lines().count(), 4, "{}", told.stderr);
}

#[test]
fn a_setting_that_would_do_nothing_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let setting = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"), SECRETS[2]];
    for command in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["relay", "--listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:1"],
        &["config"],
    ] {
        nexus(folder.path(), command, &setting)
            .expect(2, &["OTEL_EXPORTER_OTLP_ENDPOINT: traces can't be exported yet"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_development_the_products_own_pages_and_those_of_vite_may_call() {
    let app = TestApp::start().await;
    let port = app.url().rsplit_once(':').expect("a port").1;
    for (origin, may) in [
        (format!("http://localhost:{port}"), true),
        (format!("http://127.0.0.1:{port}"), true),
        ("http://localhost:5173".to_owned(), true),
        ("http://127.0.0.1:5173".to_owned(), true),
        ("http://localhost:5174".to_owned(), false),
        ("http://localhost.example:5173".to_owned(), false),
    ] {
        let request = app.client().request(Method::GET, "/health").header("origin", &origin);
        let answer = Answer::of(request).await;
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed == Some(origin.as_str()), may, "{origin}");
    }
}

#[test]
fn the_default_pages_follow_the_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let shown = |arguments: &[&str], settings: &[(&str, &str)]| {
        let ran = nexus(folder.path(), &[&["config"], arguments].concat(), settings).expect(0, &[]);
        let line = ran.stdout.lines().find(|line| line.starts_with("FRONTEND_URL"));
        let value = line.and_then(|line| line.split_once("= ")).expect("a value").1;
        value.split("  #").next().unwrap_or_default().to_owned()
    };
    let vite = "http://localhost:5173, http://127.0.0.1:5173";
    let own = |port: u16| format!("http://localhost:{port}, http://127.0.0.1:{port}, {vite}");
    assert_eq!(shown(&[], &[]), own(3000));
    assert_eq!(shown(&["--listen", "4321"], &[]), own(4321));
    assert_eq!(shown(&[], &[("PORT", "4322")]), own(4322));
    let given = [("FRONTEND_URL", "https://app.example.com")];
    assert_eq!(shown(&["--listen", "4321"], &given), "https://app.example.com");
}
