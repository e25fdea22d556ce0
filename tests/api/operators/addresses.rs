//! Where it listens: every usual way to write it, and what is said when it can't be had.

use std::net::TcpListener;

use super::nexus;

#[test]
fn a_port_in_use_is_told_with_who_uses_it_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    let me = format!("(process {})", std::process::id());
    for listen in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!(":{port}"),
        port.clone(),
    ] {
        let named = format!("can't listen on 127.0.0.1:{port}: the port is used by");
        let parts = [named.as_str(), &me, "--listen"];
        nexus(folder.path(), &["serve", "--listen", &listen], &[]).expect(1, &parts);
        let relay = ["relay", "--upstream", "http://127.0.0.1:1", "--listen", &listen];
        let secret = [("INTERNAL_SECRET", "sN4o1Bv3xZe0Td6pYu9Va2Wm5Lj8Ih7F")];
        nexus(folder.path(), &relay, &secret).expect(1, &parts);
    }
    let told = nexus(folder.path(), &["doctor", "--listen", &port], &[]);
    let line = told
        .stdout
        .lines()
        .find(|line| line.split_whitespace().nth(1) == Some("address"))
        .expect("a line");
    assert!(line.starts_with("warn") && line.contains(&me), "{line}");
}

#[test]
fn an_address_that_can_t_be_had_is_a_wrong_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    // TEST-NET-3 (RFC 5737): no machine has it.
    let elsewhere = "203.0.113.1:3000";
    let secrets = [
        "JWT_ACCESS_SECRET",
        "JWT_REFRESH_SECRET",
        "INTERNAL_SECRET",
        "MAIL_SEAL_KEY",
    ];
    let secrets = secrets.map(|name| (name, format!("{name}-qL2m9Zt1vXc8Rb4nWs7Ty0Uk3Jh6")));
    let settings: Vec<(&str, &str)> = secrets.iter().map(|(name, secret)| (*name, secret.as_str())).collect();
    nexus(folder.path(), &["serve", "--listen", elsewhere], &settings).expect(2, &["this machine has no such address"]);
    let told = nexus(folder.path(), &["doctor", "--listen", elsewhere], &settings);
    let line = told
        .stdout
        .lines()
        .find(|line| line.split_whitespace().nth(1) == Some("address"))
        .expect("a line");
    assert!(line.starts_with("FAIL") && line.contains("no such address"), "{line}");
    for listen in [
        "nonsense:port",
        "http://localhost:3000",
        "127.0.0.1:70000",
        "",
        "no-such-host.invalid:3000",
    ] {
        nexus(folder.path(), &["serve", "--listen", listen], &settings).expect(2, &["--listen"]);
    }
    nexus(folder.path(), &["serve"], &[("PORT", "80000")]).expect(2, &["PORT: `80000` is not"]);
}
