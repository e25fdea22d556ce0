//! No list of this group reads other people's rows: each goes by an index that leads with the person or the company.

use super::*;
use crate::{
    Value,
    chat::{message_search, notifications, people},
};

fn plan(database: &Database, sql: &str, parameters: usize) -> Vec<String> {
    database
        .query(&format!("EXPLAIN QUERY PLAN {sql}"), &vec![Value::Null; parameters])
        .unwrap()
        .iter()
        .map(|row| row.get(3).unwrap())
        .collect()
}

#[test]
fn chats_are_found_by_their_member() {
    let database = Database::in_memory().unwrap();
    for order in [
        "lastActivity",
        "-lastActivity",
        "name",
        "-name",
        "createdAt",
        "-createdAt",
    ] {
        let plan = plan(&database, &list::statement(sort(order)), 7);
        // What is scanned is what was read before: the page itself, and the members of one chat.
        let is_read_before = |step: &&String| ["SCAN cm", "SCAN y"].contains(&step.as_str());
        let scans: Vec<_> = plan.iter().filter(|step| step.starts_with("SCAN")).collect();
        assert!(scans.iter().all(is_read_before), "{order}: {plan:#?}");
        let by_member = "cm USING INDEX chat_members_by_user (user_id=?)";
        assert!(plan.iter().any(|step| step.contains(by_member)), "{order}: {plan:#?}");
    }
}

#[test]
fn notifications_are_found_by_their_reader_in_order() {
    let database = Database::in_memory().unwrap();
    for newest_first in [false, true] {
        let plan = plan(&database, &notifications::statement(newest_first), 6);
        assert!(plan[0].contains("INDEX notifications_by_user (user_id=?"), "{plan:#?}");
        assert_eq!(plan.len(), 1, "nothing is sorted by hand: {plan:#?}");
    }
}

#[test]
fn people_are_found_by_their_company_in_order() {
    let database = Database::in_memory().unwrap();
    let anna = viewer(user(&database, 1));
    let owner = Viewer {
        role: Role::SuperAdmin,
        company: None,
        ..anna
    };
    for (viewer, order, index) in [
        (anna, "name", "SEARCH u USING INDEX users_by_name (company_id=?"),
        (anna, "-role", "SEARCH u USING INDEX users_by_company (company_id=?"),
        // Whoever may write to anyone reads all people, as far as a page goes.
        (owner, "-name", "SCAN u USING INDEX users_of_all_by_name"),
        (owner, "role", "SCAN u USING INDEX users_of_all_by_role"),
    ] {
        let wanted = people::PeopleList {
            sort: sort(order),
            ..sought(viewer, "user")
        };
        let plan = plan(&database, &people::statement(&wanted), 13);
        assert!(plan[0].starts_with(index), "{order}: {plan:#?}");
        let of_one = people::PeopleList {
            company: Some(nexus_domain::ids::CompanyId::generate(at(1), [0; 10])),
            ..wanted
        };
        let found = self::plan(&database, &people::statement(&of_one), 13);
        assert!(found[0].contains("(company_id=?"), "{order}: {found:#?}");
        assert!(
            !plan.iter().any(|step| step.contains("TEMP B-TREE")),
            "{order}: {plan:#?}"
        );
    }
}

#[test]
fn a_search_reads_the_messages_with_the_words_in_order() {
    let database = Database::in_memory().unwrap();
    for newest_first in [false, true] {
        let plan = plan(&database, message_search::statement(newest_first), 6);
        assert!(plan[0].starts_with("SCAN w VIRTUAL TABLE INDEX"), "{plan:#?}");
        assert!(plan[1].contains("m USING INTEGER PRIMARY KEY"), "{plan:#?}");
        assert!(
            plan[2].contains("cm USING PRIMARY KEY (chat_id=? AND user_id=?)"),
            "{plan:#?}"
        );
        assert_eq!(plan.len(), 3, "{plan:#?}");
    }
}
