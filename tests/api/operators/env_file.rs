//! The file of settings: read as it is written, and never shown.

use super::nexus;

#[test]
fn a_value_is_taken_as_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "\u{feff}# settings\r\nBRAND_NAME=Pay $HOME and ${PORT}$\r\nSENDGRID_FROM_NAME='a #b' # why\r\n\
                export METRICS_ALLOW=127.0.0.0/8, ::1\r\nS3_REGION=\"x$PATH\"\r\n";
    std::fs::write(folder.path().join(".env"), text).expect("a file");
    let shown = nexus(folder.path(), &["config"], &[("HOME", "/root"), ("PATH", "/bin")]).expect(0, &[]);
    for (name, value) in [
        ("BRAND_NAME", "Pay $HOME and ${PORT}$"),
        ("SENDGRID_FROM_NAME", "a #b"),
        ("METRICS_ALLOW", "127.0.0.0/8, ::1"),
        ("S3_REGION", "x$PATH"),
    ] {
        let line = shown.stdout.lines().find(|line| line.starts_with(name)).expect(name);
        assert!(line.ends_with(&format!("= {value}  # file")), "{line}");
    }
    assert_eq!(shown.stderr, "");
}

#[test]
fn a_line_that_can_t_be_read_is_named_and_its_secret_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nexus.env");
    let path = file.to_str().expect("UTF-8");
    for (text, named) in [
        (
            "# one\nJWT_ACCESS_SECRET='hunter2-hunter2",
            "nexus.env:2: JWT_ACCESS_SECRET: ",
        ),
        ("MAIL_SEAL_KEY=\"hunter2\"hunter2", "nexus.env:1: MAIL_SEAL_KEY: "),
        ("\n\nhunter2hunter2", "nexus.env:3: "),
        ("INTERNAL SECRET=hunter2", "nexus.env:1: "),
    ] {
        std::fs::write(&file, text).expect("a file");
        for command in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["relay", "--listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:1"],
            &["config"],
            &["demo"],
            &[
                "admin",
                "create",
                "--email",
                "a@example.org",
                "--name",
                "A",
                "--role",
                "TENANT",
                "--password-stdin",
            ],
        ] {
            let arguments = [command, &["--env-file", path]].concat();
            let ran = nexus(folder.path(), &arguments, &[]).expect(2, &[named]);
            assert!(!ran.stderr.contains("hunter"), "{}", ran.stderr);
        }
    }
    std::fs::write(&file, b"A=\xff\n").expect("a file");
    nexus(folder.path(), &["config", "--env-file", path], &[]).expect(2, &["nexus.env:1: is not UTF-8"]);
    std::fs::write(&file, b"\xff\xfeP\0").expect("a file");
    nexus(folder.path(), &["config", "--env-file", path], &[]).expect(2, &["UTF-16"]);
    nexus(folder.path(), &["config", "--env-file", "none"], &[]).expect(2, &["none: "]);
}
