#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;

use nexus_store::identity::users;

use super::*;

const HASH: &str = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn arguments(&self, name: &str, text: &str) -> Arguments {
        let file = self.0.path().join(name);
        fs::write(&file, text).unwrap();
        Arguments {
            installation: self.installation(),
            file,
            format: None,
            company: None,
            allow_staff: false,
            dry_run: false,
        }
    }

    fn installation(&self) -> Installation {
        Installation::new(self.0.path().join("data"), None)
    }

    fn database(&self) -> Database {
        self.installation().database().unwrap()
    }

    /// The number of these addresses that were imported.
    fn imported(&self, emails: &[&str]) -> usize {
        let database = self.database();
        let held = |email: &&&str| user_imports::holder(&database, email).unwrap() == Holder::Imported;
        emails.iter().filter(held).count()
    }
}

fn csv(lines: &[String]) -> String {
    format!("email,name,passwordHash,role\n{}\n", lines.join("\n"))
}

#[test]
fn valid_lines_are_imported_and_invalid_ones_are_reported() {
    let place = Place::new();
    let text = csv(&[
        format!("a@example.org,Ana,{HASH},TENANT"),
        format!("nobody,Bo,{HASH},"),
        format!("A@example.org,Again,{HASH},"),
        format!("c@example.org,Cy,{HASH},ADMIN"),
        format!("d@example.org,Dia,{HASH},"),
    ]);
    assert!(
        run(&place.arguments("people.csv", &text)).is_err(),
        "three lines are bad"
    );
    assert_eq!(place.imported(&["a@example.org", "c@example.org", "d@example.org"]), 2);
}

#[test]
fn a_repeated_run_skips_existing_users() {
    let place = Place::new();
    let mut text = String::new();
    for n in 0..450 {
        writeln!(
            text,
            "{{\"email\":\"p{n}@example.org\",\"name\":\"P\",\"passwordHash\":\"{HASH}\"}}"
        )
        .unwrap();
    }
    // A run that was interrupted after its first commit.
    let (some, _) = text
        .match_indices('\n')
        .nth(199)
        .map(|(at, _)| text.split_at(at))
        .unwrap();
    run(&place.arguments("some.jsonl", some)).unwrap();
    let arguments = place.arguments("people.jsonl", &text);
    let database = place.database();
    let mut import = Import::new(&database, &arguments);
    for line in lines::read(File::open(&arguments.file).unwrap(), Format::Jsonl).unwrap() {
        import.take(line.unwrap()).unwrap();
    }
    import.write().unwrap();
    let expected = Counts {
        created: 250,
        skipped: 200,
        rejected: 0,
    };
    assert_eq!(import.counts, expected);
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::new();
    let mut arguments = place.arguments("people.csv", &csv(&[format!("a@example.org,Ana,{HASH},")]));
    arguments.dry_run = true;
    run(&arguments).unwrap();
    assert_eq!(place.imported(&["a@example.org"]), 0);
}

#[test]
fn an_account_that_registered_here_is_unchanged() {
    let place = Place::new();
    let hashing = nexus_domain::password_hash::Hashing::new(nexus_domain::settings::PasswordHash::Bcrypt, 4);
    let email = "a@example.org".parse().unwrap();
    let account = accounts::Account::new(
        email,
        "Ana".into(),
        nexus_domain::Role::Student,
        "Quiet-River-42",
        &hashing,
    );
    let account = account.unwrap();
    let database = place.database();
    database
        .transaction(|tx| account.insert(tx, None, accounts::now()))
        .unwrap();
    let text = csv(&[format!("a@example.org,Impostor,{HASH},")]);
    assert!(run(&place.arguments("people.csv", &text)).is_err());
    let kept = users::by_email(&database, &"a@example.org".parse().unwrap()).unwrap();
    assert_eq!(kept.unwrap().name, "Ana");
}

#[test]
fn an_unknown_company_is_an_error_of_the_line_or_of_the_command() {
    let place = Place::new();
    let text = format!("email,name,passwordHash,companySlug\na@example.org,Ana,{HASH},none\n");
    assert!(run(&place.arguments("people.csv", &text)).is_err());
    assert_eq!(place.imported(&["a@example.org"]), 0);
    let mut arguments = place.arguments("people.csv", &csv(&[]));
    arguments.company = Some("none".into());
    assert!(run(&arguments).is_err());
}
