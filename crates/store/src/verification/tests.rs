use std::path::Path;
use std::sync::Barrier;

use nexus_domain::EmailAddress;
use nexus_domain::document::DocumentType;
use nexus_domain::ids::{AuditId, MailId, NotificationId};
use nexus_domain::status::UserStatus;
use serde_json::json;

use super::*;
use crate::identity::users::{self, NewUser};
use crate::verification::documents::NewDocument;

fn with_case(path: &Path) -> (UserId, UserId) {
    let database = Database::open_file(path).unwrap();
    let now = Timestamp::from_millis(1_000);
    let [user, admin] = [1u8, 2].map(|n| {
        let id = UserId::generate(now, [n; 10]);
        let email: EmailAddress = format!("u{n}@example.org").parse().unwrap();
        let new = NewUser {
            id,
            email: &email,
            name: "A",
            role: Role::Student,
            company: None,
            status: UserStatus::Pending,
            password_hash: "none",
            email_verified: true,
            document_verified: false,
            locale: "en",
            now,
        };
        users::insert(&database, &new).unwrap();
        id
    });
    let document = NewDocument {
        id: DocumentId::generate(now, [3; 10]),
        kind: DocumentType::Passport,
        file_name: "p.pdf".into(),
        content_type: "application/pdf".into(),
        size: 1,
        blob_key: "k".into(),
    };
    let opened: Result<(), StoreError> = database.transaction(|tx| documents::insert_case(tx, user, &[document], now));
    opened.unwrap();
    (user, admin)
}

fn decide(path: &Path, user: UserId, admin: UserId, n: u8) -> Result<Decided, DecisionError> {
    let database = Database::open_file(path)?;
    let at = Timestamp::from_millis(2_000);
    let id = [n; 10];
    let decider = Decider {
        by: admin,
        scope: None,
        at,
        ip: "",
        request_id: "",
        audit_id: AuditId::generate(at, id),
        decision_id: nexus_domain::ids::uuid_v7(at, id),
        notification_id: NotificationId::generate(at, id),
    };
    let mail = DecisionMail {
        id: MailId::generate(at, id),
        params: json!({}),
        sealed: vec![0],
    };
    if n.is_multiple_of(2) {
        let approval = Approval {
            role: None,
            company: None,
            password_hash: "h",
            password_expires_at: at,
            mail,
        };
        approve(&database, user, &decider, &approval, |_, _| Ok(()))
    } else {
        let hash = n.to_string();
        let rejection = Rejection {
            reason: "r",
            link_hash: &hash,
            link_expires_at: at,
            mail,
        };
        reject(&database, user, &decider, &rejection, |_, _| Ok(()))
    }
}

#[test]
fn of_sixty_four_decisions_at_once_exactly_one_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("n.db");
    let (user, admin) = with_case(&path);
    let start = Barrier::new(64);
    let results: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..64u8)
            .map(|n| {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    start.wait();
                    decide(path, user, admin, n)
                })
            })
            .collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let won = results.iter().filter(|result| result.is_ok()).count();
    let lost = results
        .iter()
        .filter(|result| matches!(result, Err(DecisionError::AlreadyDecided)))
        .count();
    assert_eq!((won, lost), (1, 63), "{results:?}");
    let database = Database::open_file(&path).unwrap();
    for table in ["outbox", "audit_log", "verification_decisions", "notifications"] {
        let rows = database.query(&format!("SELECT count(*) FROM {table}"), &[]).unwrap();
        assert_eq!(rows[0].get::<i64>(0).unwrap(), 1, "{table}");
    }
}

#[test]
fn whatever_fails_last_takes_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("n.db");
    let (user, admin) = with_case(&path);
    let database = Database::open_file(&path).unwrap();
    // The id of the mail is taken: the last insert of a decision fails.
    decide(&path, user, admin, 2).unwrap();
    database
        .execute("UPDATE verification_cases SET status = 'PENDING'", &[])
        .unwrap();
    database
        .execute("UPDATE documents SET verification_status = 'PENDING'", &[])
        .unwrap();
    database.execute("UPDATE users SET status = 'PENDING'", &[]).unwrap();
    assert!(matches!(
        decide(&path, user, admin, 2),
        Err(DecisionError::Store(StoreError::NotUnique { .. }))
    ));
    let case = find(&database, user, None).unwrap().unwrap();
    assert_eq!(case.status, VerificationStatus::Pending);
    assert_eq!(case.documents[0].verification_status, VerificationStatus::Pending);
}
