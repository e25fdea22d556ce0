use nexus_domain::ids::UserId;
use nexus_domain::{EmailAddress, Timestamp};

use super::*;
use crate::identity::users;

fn insert_user(database: &Database, n: i64, email: &str, key: &str) {
    let id = UserId::generate(Timestamp::from_millis(n), [0; 10]);
    database
        .execute(
            "INSERT INTO users (id, email, email_key, name, role, password_hash, created_at, updated_at) \
             VALUES (?1, ?2, ?3, 'X', 'STUDENT', '!', ?4, ?4)",
            params![id, email, key, n],
        )
        .unwrap();
}

fn keys(database: &Database) -> Vec<String> {
    let rows = database.query("SELECT email_key FROM users ORDER BY id", &[]).unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

fn rekey_all(database: &Database) {
    let mut after = None;
    while let Some(last) = rekey(database, after).unwrap() {
        after = Some(last);
    }
}

fn found(database: &Database, typed: &str) -> Option<String> {
    let typed: EmailAddress = typed.parse().unwrap();
    users::by_email(database, &typed).unwrap().map(|user| user.email)
}

#[test]
fn keys_beyond_ascii_are_derived_anew_and_two_accounts_of_one_address_stay_reachable() {
    let database = Database::in_memory().unwrap();
    for (n, email) in [
        "ana@example.org",
        "x@bücher.example",
        "y@xn--bcher-kva.example",
        "y@bücher.example",
        "José@example.org",
        "z@bücher.example",
        "Z@xn--bcher-kva.example",
    ]
    .into_iter()
    .enumerate()
    {
        insert_user(&database, n as i64, email, &email.to_lowercase());
    }
    for _ in 0..2 {
        rekey_all(&database);
        assert_eq!(
            keys(&database),
            [
                "ana@example.org",
                "x@xn--bcher-kva.example",
                "y@xn--bcher-kva.example",
                "y@bücher.example",
                "josé@example.org",
                "z@bücher.example",
                "z@xn--bcher-kva.example",
            ]
        );
    }
    for (typed, email) in [
        ("X@Bücher.example", "x@bücher.example"),
        ("x@xn--bcher-kva.example", "x@bücher.example"),
        ("Y@bücher.example", "y@bücher.example"),
        ("y@xn--bcher-kva.example", "y@xn--bcher-kva.example"),
        ("z@bücher.example", "z@bücher.example"),
        ("z@xn--bcher-kva.example", "Z@xn--bcher-kva.example"),
        ("jose\u{301}@example.org", "José@example.org"),
    ] {
        assert_eq!(found(&database, typed).as_deref(), Some(email), "{typed}");
    }
}

#[test]
fn more_rows_than_one_part_are_all_derived_anew() {
    let database = Database::in_memory().unwrap();
    database
        .transaction(|tx| {
            for n in 0..1_203 {
                let email = format!("u{n}@bücher.example");
                insert_user(tx, n, &email, &email);
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
    rekey_all(&database);
    assert!(
        keys(&database)
            .iter()
            .all(|key| key.ends_with("@xn--bcher-kva.example"))
    );
}

/// What the columns hold, `NULL` where nothing is.
fn column(database: &Database, table: &str, column: &str) -> Vec<Option<String>> {
    let rows = database
        .query(&format!("SELECT {column} FROM {table} ORDER BY rowid"), &[])
        .unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

#[test]
fn rows_from_before_are_folded_in_parts() {
    let database = Database::in_memory().unwrap();
    database
        .transaction(|tx| {
            for n in 0..1_203 {
                insert_user(tx, n, &format!("É{n}@bücher.example"), &format!("é{n}"));
            }
            tx.execute(
                "UPDATE users SET name = 'Élodie', name_folded = NULL, email_folded = NULL",
                &[],
            )
        })
        .unwrap();
    database
        .execute(
            "INSERT INTO companies (id, name, slug, currency, timezone, created_at, updated_at) \
             VALUES ('c', 'Größe', 's', 'EUR', 'UTC', 0, 0)",
            &[],
        )
        .unwrap();
    database
        .execute(
            "INSERT INTO compounds (id, company_id, name, address, created_at, updated_at) \
             VALUES ('k', 'c', 'Çamlık', '{\"city\":\"İzmir\"}', 0, 0)",
            &[],
        )
        .unwrap();
    // The trigger has folded the ASCII letters.
    assert_eq!(
        column(&database, "companies", "name_folded"),
        [Some("größe".to_owned())]
    );
    database
        .execute("UPDATE companies SET name_folded = NULL", &[])
        .unwrap();
    database.execute("UPDATE compounds SET folded = NULL", &[]).unwrap();

    let (mut after, mut parts) = (None, 0);
    while let Some(last) = fold_all(&database, after).unwrap() {
        (after, parts) = (Some(last), parts + 1);
    }
    assert!(parts >= 3 + FOLDED.len() - 2, "{parts}");
    assert!(
        column(&database, "users", "name_folded")
            .iter()
            .all(|name| name.as_deref() == Some("elodie"))
    );
    assert_eq!(
        column(&database, "users", "email_folded")[7].as_deref(),
        Some("e7@bucher.example e7@xn--bcher-kva.example")
    );
    assert_eq!(
        column(&database, "companies", "name_folded"),
        [Some("grosse".to_owned())]
    );
    assert_eq!(
        column(&database, "compounds", "folded"),
        [Some("camlik\nizmir".to_owned())]
    );
}

/// A writer that forgets a folded column would leave rows that are found by their ASCII letters only.
#[test]
fn every_statement_that_writes_text_writes_its_folded_form() {
    const TABLES: [(&str, &[&str], &str); 10] = [
        ("users", &["name =", "email ="], "_folded"),
        ("companies", &["name ="], "name_folded"),
        ("compounds", &["name =", "address ="], "folded"),
        ("apartments", &["apartment_number ="], "number_folded"),
        ("tenants", &["full_name =", "email ="], "_folded"),
        ("payments", &["reference ="], "reference_folded"),
        ("maintenance_requests", &["title =", "description ="], "folded"),
        ("chats", &["name ="], "name_folded"),
        ("notifications", &["title =", "body ="], "folded"),
        ("outbox", &["recipient ="], "recipient_folded"),
    ];
    let mut sources = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut found = Vec::new();
    while let Some(path) = sources.pop() {
        if path.is_dir() {
            sources.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        if path
            .components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with("tests"))
        {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (table, columns, folded) in TABLES {
            let insertion = format!("INSERT INTO {table} (");
            let inserts = code.split(&insertion).skip(1);
            for insert in inserts.filter(|insert| table != "payments" || insert.contains("reference")) {
                let named = insert.split(')').next().unwrap();
                if !named.contains(folded) {
                    found.push(format!("{}: INSERT INTO {table}", path.display()));
                }
            }
            for update in code.split(&format!("UPDATE {table} SET ")).skip(1) {
                let set = update.split("WHERE").next().unwrap();
                let writes = columns
                    .iter()
                    .any(|column| set.split(", ").any(|part| part.trim().starts_with(column)));
                if writes && !set.contains(folded) {
                    found.push(format!("{}: UPDATE {table}", path.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
