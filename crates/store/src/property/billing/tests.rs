use super::*;

#[test]
fn the_least_balance_with_a_fee_is_where_the_fee_begins() {
    let money = |units| Money::from_minor_units(units).unwrap();
    let terms = |r#type, value| LateFee {
        r#type,
        value,
        ..LateFee::NONE
    };
    for percent in 1..=100 {
        let terms = terms(LateFeeType::Percent, percent);
        let least = least_with_fee(terms).unwrap();
        assert!(!terms.on(money(least)).unwrap().is_zero(), "{percent}% of {least}");
        assert!(
            terms.on(money(least - 1)).unwrap().is_zero(),
            "{percent}% of one less than {least}"
        );
    }
    assert_eq!(least_with_fee(terms(LateFeeType::Fixed, 1)), Some(0));
    assert_eq!(least_with_fee(LateFee::NONE), None);
    assert_eq!(
        least_with_fee(terms(LateFeeType::Fixed, i64::MAX)),
        None,
        "no terms at all"
    );
}

#[test]
fn what_is_late_is_found_in_an_index() {
    let database = Database::in_memory().unwrap();
    let plan: Vec<String> = database
        .query(
            &format!("EXPLAIN QUERY PLAN {}", late_without_fee()),
            params!["c", "2026-01-01", BATCH, 50_i64],
        )
        .unwrap()
        .iter()
        .map(|row| row.get(3).unwrap())
        .collect();
    assert!(
        plan[0].contains("invoices_by_status (company_id=? AND status=? AND due_date<?)"),
        "{plan:#?}"
    );
    assert!(plan.iter().any(|step| step.contains("invoices_late_fees")), "{plan:#?}");
    assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{plan:#?}");
}
