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
