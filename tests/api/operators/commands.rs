//! Commands: 0 done, 1 failed, 2 wrong usage or configuration.

use std::fs;

use super::nexus;

const CREATE: [&str; 10] = [
    "admin",
    "create",
    "--data",
    "data",
    "--email",
    "ana@example.org",
    "--name",
    "Ana",
    "--password-stdin",
    "--role",
];

#[test]
fn staff_need_a_company_and_a_super_admin_has_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let create = |more: &[&str]| nexus(folder.path(), &[&CREATE, more].concat(), &[]);
    for role in ["ADMIN", "MANAGER"] {
        create(&[role]).expect(2, &[&format!("--company: {role} needs the company")]);
    }
    create(&["SUPER_ADMIN", "--company", "demo"]).expect(2, &["--company: a SUPER_ADMIN belongs to no company"]);
    create(&["OWNER"]).expect(2, &["--role"]);
    // Nothing was made on the way.
    assert!(!folder.path().join("data").exists());
}

#[test]
fn what_was_typed_wrongly_is_2_and_what_went_wrong_is_1() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "x").expect("a file");
    fs::write(folder.path().join("broken.toml"), "[sqlite_database").expect("a file");
    fs::write(folder.path().join("people.csv"), "email,name,passwordHash\n").expect("a file");
    fs::create_dir_all(folder.path().join("garbage/.spin")).expect("a folder");
    fs::write(
        folder.path().join("garbage/.spin/sqlite_db.db"),
        "no database ".repeat(100),
    )
    .expect("a file");
    for (code, arguments) in [
        (2, &["no-such-command"][..]),
        (2, &["serve", "--no-such-flag"]),
        (2, &["serve", "--listen", "127.0.0.1:0", "--data", "file"]),
        (2, &["serve", "--listen", "127.0.0.1:0", "--manifest", "none.toml"]),
        (
            2,
            &["serve", "--listen", "127.0.0.1:0", "--runtime-config", "none.toml"],
        ),
        (
            2,
            &["serve", "--listen", "127.0.0.1:0", "--runtime-config", "broken.toml"],
        ),
        (1, &["serve", "--listen", "127.0.0.1:0", "--data", "garbage"]),
        (2, &["relay", "--listen", "127.0.0.1:0"]),
        (2, &["relay", "--listen", "127.0.0.1:0", "--upstream", "nowhere"]),
        (2, &["migrate", "--data", "file"]),
        (2, &["migrate", "--runtime-config", "none.toml"]),
        (2, &["migrate", "--runtime-config", "broken.toml"]),
        (1, &["migrate", "--data", "garbage"]),
        (2, &["audit", "verify", "--data", "empty"]),
        (2, &["import-users", "none.csv"]),
        (2, &["import-users", "people.csv", "--company", "nobodys"]),
        (2, &["demo", "--residents", "many"]),
        (2, &["demo", "--env-file", "none"]),
        (1, &["doctor", "--data", "garbage"]),
    ] {
        let ran = nexus(folder.path(), arguments, &[("HOME", "/nonexistent")]);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
    for (name, value) in [
        ("BCRYPT_COST", "99"),
        ("THROTTLE_LIMIT", "many"),
        ("FRONTEND_URL", "localhost"),
        ("NEXUS_ENV", "prod"),
        ("LOG_LEVEL", "loud"),
        ("JWT_ACCESS_EXPIRATION", "15"),
        ("REDIS_URL", "http://x"),
    ] {
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["config"]] {
            nexus(folder.path(), command, &[(name, value)]).expect(2, &[&format!("{name}: ")]);
        }
    }
}

#[test]
fn commands_that_need_no_key_value_store_take_a_configuration_with_redis() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "[sqlite_database.default]\ntype = \"spin\"\npath = \"here.db\"\n\
                [key_value_store.default]\ntype = \"redis\"\nurl = \"redis://127.0.0.1:1\"\n";
    fs::write(folder.path().join("cluster.toml"), text).expect("a file");
    for command in [
        &["migrate"][..],
        &["demo", "--residents", "2", "--months", "1"],
        &["audit", "verify"],
    ] {
        let arguments = [command, &["--runtime-config", "cluster.toml"]].concat();
        nexus(folder.path(), &arguments, &[("BCRYPT_COST", "4")]).expect(0, &[]);
    }
    assert!(folder.path().join("here.db").is_file());
}
