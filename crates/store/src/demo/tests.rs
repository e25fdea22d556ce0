use super::*;

fn filled(seed: u64) -> (Database, Vec<DemoCompany>) {
    let database = Database::in_memory().unwrap();
    let plan = Plan {
        companies: 2,
        apartments: 200,
        months: 6,
        seed,
        now: Timestamp::from_millis(1_780_000_000_000),
    };
    let made = fill(&database, &plan, &mut |_| {}).unwrap();
    (database, made)
}

fn number(database: &Database, sql: &str) -> i64 {
    database.query(sql, &[]).unwrap()[0].get(0).unwrap()
}

#[test]
fn the_same_seed_makes_the_same_companies() {
    let digest = |seed| {
        let (database, _) = filled(seed);
        let sql = "SELECT group_concat(id || total_amount || status) FROM (SELECT * FROM invoices ORDER BY id)";
        database.query(sql, &[]).unwrap()[0].get::<String>(0).unwrap()
    };
    assert_eq!(digest(7), digest(7));
    assert_ne!(digest(7), digest(8));
}

#[test]
fn what_is_made_is_plausible_and_keeps_the_rules() {
    let (database, made) = filled(1);
    assert_eq!(made.len(), 2);
    let first = made[0].id;
    let of_first = |what: &str| {
        number(
            &database,
            &format!("SELECT count(*) FROM {what} WHERE company_id = '{first}'"),
        )
    };
    assert_eq!(of_first("apartments"), 200);
    let invoices = of_first("invoices");
    assert!(invoices > 900, "{invoices}");
    assert_eq!(
        number(
            &database,
            &format!("SELECT invoices FROM company_totals WHERE company_id = '{first}'")
        ),
        invoices
    );
    let occupied = number(
        &database,
        &format!("SELECT count(*) FROM apartments WHERE status = 'OCCUPIED' AND company_id = '{first}'"),
    );
    assert!((150..198).contains(&occupied), "{occupied}");
    assert_eq!(number(&database, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

#[test]
fn a_company_that_is_there_gets_a_past_that_nobody_is_written_to_about() {
    let database = Database::in_memory().unwrap();
    let now = Timestamp::from_millis(1_780_000_000_000);
    let company = CompanyId::generate(now, [7; 10]);
    crate::identity::companies::insert(&database, company, "Acme", "acme", "EGP", "Africa/Cairo", now).unwrap();
    let size = Estate {
        apartments: 24,
        months: 24,
        now,
    };
    furnish(&database, company, &size, 1).unwrap();
    assert!(number(&database, "SELECT count(*) FROM invoices") > 200);
    assert_eq!(
        number(
            &database,
            "SELECT count(*) FROM invoices WHERE status = 'OVERDUE' AND overdue_told_at IS NULL"
        ),
        0
    );
    let user = UserId::generate(now, [8; 10]);
    database
        .execute(
            "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, created_at, updated_at) \
             VALUES (?1, 'a@b.example', 'a@b.example', 'Ana', 'STUDENT', ?2, 'ACTIVE', '', ?3, ?3)",
            params![user, company, now],
        )
        .unwrap();
    move_in(&database, company, user, "Ana", &"a@b.example".parse().unwrap()).unwrap();
    assert_eq!(
        number(
            &database,
            "SELECT count(*) FROM tenants t JOIN occupancies o ON o.tenant_id = t.id WHERE t.user_id IS NOT NULL \
             AND t.full_name = 'Ana' AND o.status = 'ACTIVE'"
        ),
        1
    );
}
