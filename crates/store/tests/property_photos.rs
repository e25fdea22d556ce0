//! Who may see the files of maintenance requests and a company's logo, and that they outlive purges.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use nexus_domain::Role;
use nexus_domain::ids::{AttachmentId, CompanyId, MaintenanceRequestId, UserId};
use nexus_domain::maintenance::{MaintenanceRequest, Priority, RequestStatus};
use nexus_domain::message::Attachment;
use nexus_store::{
    Database, StoreError,
    chat::attachments,
    params,
    property::{company_settings, maintenance},
};
use property_support::*;

mod property_support;

fn photo(database: &Database, owner: UserId) -> AttachmentId {
    let now = noon("2026-03-01");
    let attachment = Attachment {
        id: AttachmentId::generate(now, random()),
        file_name: "leak.jpg".into(),
        content_type: "image/jpeg".into(),
        size: 3,
        width: None,
        height: None,
    };
    attachments::insert(database, owner, &attachment, &attachment.id.to_string(), now).unwrap();
    attachment.id
}

fn sees(database: &Database, user: UserId, photo: AttachmentId) -> bool {
    attachments::find_visible(database, photo, user).unwrap().is_some()
}

fn request(database: &Database, company: CompanyId, by: UserId, photos: Vec<AttachmentId>) -> MaintenanceRequestId {
    let now = noon("2026-03-01");
    let place = apartment(database, company, compound(database, company, now), "1", now);
    let request = MaintenanceRequest {
        id: MaintenanceRequestId::generate(now, random()),
        company_id: company,
        apartment_id: place,
        requested_by: by,
        title: "Leak".into(),
        description: "Under the sink".into(),
        priority: Priority::Normal,
        status: RequestStatus::Open,
        assignee_id: None,
        attachments: photos,
        history: Vec::new(),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    maintenance::insert(database, &request).unwrap();
    request.id
}

#[test]
fn photos_are_for_whoever_asked_and_for_the_company_s_staff() {
    let database = Database::in_memory().unwrap();
    let now = noon("2026-03-01");
    let (own, other) = (company(&database, now), company(&database, now));
    let made = |company, role| person(&database, company, role, now);
    let (resident, neighbour) = (made(own, Role::Student), made(own, Role::Student));
    let (manager, admin, stranger) = (
        made(own, Role::Manager),
        made(own, Role::Admin),
        made(other, Role::Admin),
    );
    let (first, second) = (photo(&database, resident), photo(&database, resident));
    assert!(
        !sees(&database, manager, first),
        "an upload is its owner's until it is used"
    );
    let id = request(&database, own, resident, vec![first]);
    for (user, expected) in [
        (resident, true),
        (manager, true),
        (admin, true),
        (neighbour, false),
        (stranger, false),
    ] {
        assert_eq!(sees(&database, user, first), expected);
    }
    let edited = database.transaction(|tx| {
        maintenance::edit(tx, own, id, now, |_, mut request| {
            request.attachments = vec![second];
            Ok::<_, StoreError>(request)
        })
    });
    assert!(edited.unwrap().is_some());
    assert!(
        sees(&database, manager, second) && !sees(&database, manager, first),
        "what was taken out is hidden again"
    );
    assert!(maintenance::delete(&database, own, id).unwrap());
    assert!(!sees(&database, manager, second));
}

#[test]
fn files_in_use_outlive_a_purge() {
    let database = Database::in_memory().unwrap();
    let now = noon("2026-03-01");
    let own = company(&database, now);
    let (resident, admin) = (
        person(&database, own, Role::Student, now),
        person(&database, own, Role::Admin, now),
    );
    let (shown, logo, forgotten) = (
        photo(&database, resident),
        photo(&database, admin),
        photo(&database, resident),
    );
    request(&database, own, resident, vec![shown]);
    let branded = database.transaction(|tx| {
        company_settings::edit(tx, own, now, |mut company| {
            company.branding = serde_json::json!({"logo": logo});
            Ok::<_, StoreError>(company)
        })
    });
    assert!(branded.unwrap().is_some());
    assert!(
        sees(&database, resident, logo),
        "everybody in the company sees its logo"
    );
    database.execute("DELETE FROM attachments", params![]).unwrap();
    let left = database.query("SELECT id FROM attachments ORDER BY id", &[]).unwrap();
    let left: Vec<AttachmentId> = left.iter().map(|row| row.parse(0).unwrap()).collect();
    assert_eq!(left, [shown, logo]);
    assert!(!left.contains(&forgotten));
}
