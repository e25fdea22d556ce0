//! Whoever asks for what changed since (`sort=-updatedAt`) finds what changed by itself too.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod property_support;

use std::collections::BTreeMap;

use nexus_domain::Timestamp;
use nexus_store::{Database, params, property::occupancies};
use property_support::scene::{Scene, scene};
use property_support::*;

/// Version and time of the last change of every row that has them, by id.
fn versions(database: &Database) -> BTreeMap<String, (i64, i64)> {
    database
        .query(
            "SELECT id, version, updated_at FROM apartments UNION ALL SELECT id, version, updated_at FROM occupancies \
             UNION ALL SELECT id, version, updated_at FROM invoices",
            &[],
        )
        .unwrap()
        .iter()
        .map(|row| (row.get(0).unwrap(), (row.get(1).unwrap(), row.get(2).unwrap())))
        .collect()
}

/// Does something at a time; gives how many rows changed, each of which must say that it did so then.
fn changed(scene: &Scene, at: Timestamp, act: impl FnOnce()) -> usize {
    let before = versions(&scene.database);
    act();
    let mut count = 0;
    for (id, (version, updated_at)) in versions(&scene.database) {
        let Some((version_before, updated_before)) = before.get(&id) else {
            continue;
        };
        if version == *version_before {
            assert_eq!(updated_at, *updated_before, "{id} has not changed");
        } else {
            assert_eq!(updated_at, at.as_millis(), "{id} has changed");
            count += 1;
        }
    }
    count
}

#[test]
fn a_new_day_is_the_time_of_what_it_changes() {
    let scene = scene("2026-03-10");
    let lease = scene.lease("2026-03-12", Some("2026-03-15"));
    scene.issue(lease, 1_000, "2026-03-13");
    for (day, rows) in [
        ("2026-03-11", 0),
        // The occupancy and its apartment.
        ("2026-03-12", 2),
        // The invoice is overdue.
        ("2026-03-14", 1),
        ("2026-03-16", 2),
    ] {
        let moved = || drop(today(&scene.database, scene.day.id, noon(day)));
        assert_eq!(changed(&scene, noon(day), moved), rows, "{day}");
    }
    // A company that moves its zone may be on an earlier day: the invoice isn't overdue any more.
    let back = noon("2026-03-16").plus_seconds(60);
    scene
        .database
        .execute("UPDATE invoices SET due_date = '2026-03-16', status = 'OVERDUE'", &[])
        .unwrap();
    scene.database.execute("UPDATE companies SET as_of = ''", &[]).unwrap();
    let moved = || drop(today(&scene.database, scene.day.id, back));
    assert_eq!(changed(&scene, back, moved), 1);
}

#[test]
fn an_apartment_changes_when_its_occupancy_does() {
    let scene = scene("2026-03-10");
    let at = |seconds| today(&scene.database, scene.day.id, scene.day.now.plus_seconds(seconds));
    let insert = |seconds| {
        let made = new_occupancy(&at(seconds), scene.apartment, scene.tenant, "2026-03-01", None);
        occupancies::insert(&scene.database, &made).unwrap();
        made.id
    };
    let mut lease = None;
    assert_eq!(changed(&scene, at(1).now, || lease = Some(insert(1))), 1);
    let end = || {
        let ended = scene.database.transaction(|tx| {
            occupancies::edit(tx, &at(2), lease.unwrap(), |mut occupancy| {
                occupancy.end_date = Some(date("2026-03-09"));
                Ok::<_, occupancies::OccupancyRefusal>(occupancy)
            })
        });
        assert!(ended.unwrap().is_some());
    };
    assert_eq!(changed(&scene, at(2).now, end), 2);
    scene.database.execute("DELETE FROM occupancies", &[]).unwrap();
    let lease = insert(3);
    let delete = || {
        assert!(
            scene
                .database
                .transaction(|tx| occupancies::delete(tx, &at(4), lease))
                .unwrap()
        )
    };
    assert_eq!(changed(&scene, at(4).now, delete), 1);
}

#[test]
fn a_change_is_never_dated_before_the_one_before_it() {
    let scene = scene("2026-03-10");
    scene.lease("2026-03-12", None);
    let later = noon("2026-03-12").plus_seconds(3_600);
    for table in ["apartments", "occupancies"] {
        scene
            .database
            .execute(&format!("UPDATE {table} SET updated_at = ?1"), params![later])
            .unwrap();
    }
    today(&scene.database, scene.day.id, noon("2026-03-12"));
    assert!(
        versions(&scene.database)
            .values()
            .all(|row| *row == (2, later.as_millis()))
    );
}
