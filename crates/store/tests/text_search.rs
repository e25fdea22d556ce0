//! Text is found however it is typed, in every list that has a `q`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod property_support;

use nexus_domain::chat::{ChatName, ChatType, Viewer};
use nexus_domain::ids::{ChatId, MailId, MaintenanceRequestId, MessageId, NotificationId, UserId};
use nexus_domain::maintenance::{MaintenanceRequest, Priority, RequestStatus};
use nexus_domain::message::{Content, MessageType};
use nexus_domain::page::{Search, Sort};
use nexus_domain::premises::StoredAddress;
use nexus_domain::status::UserStatus;
use nexus_domain::{EmailAddress, Role};
use nexus_store::chat::chats::{self, ChatList, NewChat};
use nexus_store::chat::message_search::{self, index_words};
use nexus_store::chat::messages::{self, NewMessage};
use nexus_store::chat::notifications::{self, Notification, NotificationList};
use nexus_store::chat::people::{self, PeopleList};
use nexus_store::identity::user_admin;
use nexus_store::identity::users::{self, NewUser};
use nexus_store::listing::{Listing, PageRequest, page};
use nexus_store::mail::outbox::{self, NewMail};
use nexus_store::mail::outbox_admin;
use nexus_store::verification::{self, CaseList};
use nexus_store::{
    Database,
    property::{
        apartments, company_owned, company_settings, compounds, invoices, maintenance, occupancies, payments, tenants,
    },
    verification::documents,
};
use property_support::scene::{Scene, scene};
use property_support::{company, payment, random};
use serde_json::json;

/// What is stored, and ways to type it.
const SAMPLES: [(&str, &[&str]); 20] = [
    ("Élodie", &["Élodie", "élodie", "elodie", "E\u{301}lodie", "ÉLODIE"]),
    ("Jose\u{301} Peña", &["josé", "JOSE", "pena", "sé pe"]),
    ("Szabó Őri", &["szabo", "SZABÓ", "ori"]),
    ("Åsa Sørensen", &["Åsa", "asa", "sorensen", "SØR"]),
    ("Nguyễn Thị Đào", &["nguyen", "Nguyê\u{303}n", "đào", "dao"]),
    ("Işık İnci", &["ışık", "isik", "İNCİ", "inci"]),
    ("Łucja Groß", &["lucja", "GROSS", "groß"]),
    ("Иван Семёнов", &["Иван", "ИВАН", "иван", "семенов"]),
    ("Γιώργος", &["Γιώργος", "γιωργος", "ΓΙΏΡΓΟΣ"]),
    ("مُحَمَّدٌ أحمد", &["محمد", "مُحَمَّد", "احمد", "محـمد"]),
    ("محمود على", &["مَحْمُود"]),
    ("رقم ١٢", &["12", "۱۲", "رقم 12"]),
    ("שָׁלוֹם", &["שלום", "שָׁלוֹם"]),
    ("संजय क़ुरैशी", &["संजय", "कुरैशी"]),
    ("สมชาย ใจดี", &["สมชาย", "ใจดี"]),
    ("김민준", &["김민준", "김"]),
    ("東京太郎", &["東京", "太郎"]),
    ("Ｔａｎａｋａ", &["tanaka", "ＴＡＮＡＫＡ"]),
    ("ﬁre oﬃce", &["fire", "OFFICE", "ofﬁce"]),
    ("Mid\u{200b}night \u{feff}A\u{ad}B", &["midnight", "ab"]),
];

/// As the query string gives it.
fn pattern(typed: &str) -> String {
    typed.parse::<Search>().unwrap().pattern().to_owned()
}

fn sort(field: &'static str) -> Sort {
    Sort {
        field,
        descending: false,
    }
}

fn listed<T>(scene: &Scene, listing: &'static Listing<T>, everywhere: bool, typed: &str) -> usize {
    let request = PageRequest {
        company: (!everywhere).then_some(scene.day.id),
        filters: Vec::new(),
        search: Some(typed.to_owned()),
        sort: &listing.sorts[0],
        descending: false,
        after: None,
        limit: 10,
        with_total: true,
    };
    let found = page(&scene.database, listing, &request).unwrap();
    assert_eq!(found.total, Some(found.items.len() as i64), "{typed}");
    found.items.len()
}

/// Somebody with an open case.
fn resident(scene: &Scene, name: &str, email: &EmailAddress) -> UserId {
    let id = UserId::generate(scene.day.now, random());
    let new = NewUser {
        id,
        email,
        name,
        role: Role::Tenant,
        company: Some(scene.day.id),
        status: UserStatus::Active,
        password_hash: "!",
        email_verified: true,
        document_verified: true,
        locale: "en",
        now: scene.day.now,
    };
    scene
        .database
        .transaction(|tx| {
            users::insert(tx, &new)?;
            documents::insert_case(tx, id, &[], scene.day.now)
        })
        .unwrap();
    id
}

/// A company in which everything is called so.
fn furnished(text: &str) -> (Scene, UserId) {
    let scene = scene("2026-06-15");
    let (database, day) = (&scene.database, &scene.day);
    let (now, id) = (day.now, day.id);
    let anna = resident(&scene, "Q", &"q@example.org".parse().unwrap());
    let user = resident(&scene, text, &"w@example.org".parse().unwrap());
    let invoice = scene.issue(scene.lease("2026-06-01", None), 100, "2026-06-20");
    database
        .transaction(|tx| {
            company_settings::edit(tx, id, now, |mut company| {
                company.name = text.into();
                Ok::<_, nexus_store::StoreError>(company)
            })?;
            tenants::edit(tx, id, scene.tenant, now, |mut tenant| {
                tenant.full_name = text.into();
                Ok::<_, nexus_store::StoreError>(tenant)
            })?;
            let apartment = company_owned::find(tx, id, scene.apartment)?.unwrap();
            compounds::edit(tx, id, apartment.compound_id, now, |mut compound| {
                compound.name = "W".into();
                compound.address = StoredAddress {
                    city: Some(text.into()),
                    ..StoredAddress::default()
                };
                Ok::<_, nexus_store::StoreError>(compound)
            })?;
            maintenance::insert(
                tx,
                &MaintenanceRequest {
                    id: MaintenanceRequestId::generate(now, random()),
                    company_id: id,
                    apartment_id: scene.apartment,
                    requested_by: user,
                    title: "W".into(),
                    description: text.into(),
                    priority: Priority::Normal,
                    status: RequestStatus::Open,
                    assignee_id: None,
                    attachments: Vec::new(),
                    history: Vec::new(),
                    created_at: now,
                    updated_at: now,
                    version: 1,
                },
            )?;
            notifications::insert(
                tx,
                &Notification {
                    id: NotificationId::generate(now, random()),
                    user_id: user,
                    kind: "x".into(),
                    title: "W".into(),
                    body: text.into(),
                    link: None,
                    created_at: now,
                    read_at: None,
                },
            )
        })
        .unwrap();
    database
        .transaction(|tx| {
            apartments::edit(tx, id, scene.apartment, now, |mut apartment| {
                apartment.apartment_number = text.into();
                Ok::<_, Failure>(apartment)
            })
        })
        .unwrap();
    let mut paid = payment(day, invoice.id, scene.tenant, 10);
    paid.reference = Some(text.into());
    database.transaction(|tx| payments::record(tx, &paid)).unwrap();
    let viewer = Viewer {
        user: anna,
        role: Role::Tenant,
        company: Some(id),
    };
    let chat = NewChat {
        id: ChatId::generate(now, random()),
        kind: ChatType::Group,
        name: Some(ChatName::try_from(text.to_owned()).unwrap()),
        others: vec![user],
    };
    let chat = chats::create(database, viewer, &chat, now).unwrap().0.id;
    let message = NewMessage {
        id: MessageId::generate(now, random()),
        chat_id: chat,
        sender_id: anna,
        temp_id: None,
        message_type: MessageType::Text,
        content: Content::new(format!("W {text}, w"), false).unwrap(),
        attachments: Vec::new(),
    };
    messages::send(database, vec![message], now).unwrap();
    while !index_words(database).unwrap() {}
    (scene, user)
}

#[derive(Debug)]
struct Failure(#[allow(dead_code)] String);

impl From<nexus_store::StoreError> for Failure {
    fn from(error: nexus_store::StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<nexus_domain::premises::ApartmentError<nexus_store::StoreError>> for Failure {
    fn from(error: nexus_domain::premises::ApartmentError<nexus_store::StoreError>) -> Self {
        Self(error.to_string())
    }
}

/// In how many rows of each list the text is found.
fn found(scene: &Scene, user: UserId, typed: &str) -> Vec<(&'static str, usize)> {
    let (database, company) = (&scene.database, Some(scene.day.id));
    let cases = CaseList {
        scope: company,
        status: None,
        search: Some(pattern(typed)),
        sort: sort("submittedAt"),
        after: None,
        limit: 10,
    };
    let viewer = Viewer {
        user: UserId::generate(scene.day.now, [9; 10]),
        role: Role::Admin,
        company,
    };
    let wanted = PeopleList {
        viewer,
        words: Some(typed.to_owned()),
        roles: Vec::new(),
        name: None,
        online: None,
        company: None,
        sort: sort("name"),
        after: None,
        limit: 10,
    };
    let told = NotificationList {
        user,
        kind: None,
        read: None,
        words: Some(typed.to_owned()),
        newest_first: true,
        after: None,
        limit: 10,
    };
    let own_chats = ChatList {
        member: user,
        kind: None,
        unread: None,
        words: Some(typed.to_owned()),
        sort: sort("name"),
        after: None,
        limit: 10,
    };
    let words = message_search::Search {
        user,
        words: typed.to_owned(),
        chat: None,
        sender: None,
        newest_first: true,
        after: None,
        limit: 10,
    };
    vec![
        ("users", listed(scene, &user_admin::OF_COMPANY, false, typed)),
        ("users of all", listed(scene, &user_admin::LISTING, true, typed)),
        ("verifications", verification::list(database, &cases).unwrap().len()),
        (
            "verifications, counted",
            verification::count(database, &cases).unwrap() as usize,
        ),
        ("people", people::list(database, &wanted, scene.day.now).unwrap().len()),
        ("companies", listed(scene, &company_settings::LISTING, true, typed)),
        ("compounds", listed(scene, &compounds::LISTING, false, typed)),
        ("apartments", listed(scene, &apartments::LISTING, false, typed)),
        ("tenants", listed(scene, &tenants::LISTING, false, typed)),
        ("occupancies", listed(scene, &occupancies::LISTING, false, typed)),
        ("invoices", listed(scene, &invoices::LISTING, false, typed)),
        ("payments", listed(scene, &payments::LISTING, false, typed)),
        (
            "maintenance requests",
            listed(scene, &maintenance::LISTING, false, typed),
        ),
        ("notifications", notifications::list(database, &told).unwrap().len()),
        ("chats", chats::list(database, &own_chats).unwrap().len()),
        ("messages", message_search::search(database, &words).unwrap().len()),
    ]
}

#[test]
fn text_of_every_script_is_found_in_every_list_however_it_is_typed() {
    for (stored, typed) in SAMPLES {
        let (scene, user) = furnished(stored);
        for typed in typed {
            for (list, rows) in found(&scene, user, typed) {
                // An index of words finds whole words and the beginning of the last.
                let within_a_word = list == "messages" && ["ori", "sé pe", "ab"].contains(typed);
                assert!(rows == 1 || within_a_word, "{typed} of {stored} in {list}: {rows}");
            }
        }
        for (list, rows) in found(&scene, user, "xyzzy") {
            assert_eq!(rows, 0, "{list}");
        }
    }
}

#[test]
fn people_are_sorted_by_their_folded_names() {
    let scene = scene("2026-06-15");
    for (place, name) in ["Zoë", "élodie", "Åsa", "Ben", "elias", "Čapek", "Ωmega"]
        .into_iter()
        .enumerate()
    {
        resident(&scene, name, &format!("p{place}@example.org").parse().unwrap());
    }
    let listing = &user_admin::OF_COMPANY;
    let wanted = PageRequest {
        company: Some(scene.day.id),
        filters: Vec::new(),
        search: None,
        sort: listing.sorts.iter().find(|sort| sort.name == "name").unwrap(),
        descending: false,
        after: None,
        limit: 10,
        with_total: false,
    };
    let found = page(&scene.database, listing, &wanted).unwrap().items;
    let names: Vec<_> = found.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["Åsa", "Ben", "Čapek", "elias", "élodie", "Zoë", "Ωmega"]);
}

#[test]
fn mails_are_found_by_either_form_of_an_address() {
    let database = Database::in_memory().unwrap();
    let now = property_support::noon("2026-06-15");
    let id = company(&database, now);
    let mail = NewMail {
        id: MailId::generate(now, random()),
        company: Some(id),
        user: None,
        recipient: "José@Bücher.example",
        recipient_name: "",
        template: "x",
        locale: "en",
        params: json!({}),
        sealed: None,
        now,
        expires_at: now,
    };
    database.transaction(|tx| outbox::enqueue(tx, &mail)).unwrap();
    for typed in ["jose", "JOSÉ@bücher", "bucher.example", "josé@xn--bcher-kva.example"] {
        let wanted = PageRequest {
            company: Some(id),
            filters: Vec::new(),
            search: Some(typed.to_owned()),
            sort: &outbox_admin::OF_COMPANY.sorts[0],
            descending: false,
            after: None,
            limit: 10,
            with_total: true,
        };
        let found = page(&database, &outbox_admin::OF_COMPANY, &wanted).unwrap();
        assert_eq!((found.items.len(), found.total), (1, Some(1)), "{typed}");
    }
}
