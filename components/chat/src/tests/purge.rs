use nexus_domain::ids::{AttachmentId, NotificationId};
use nexus_kit::blob::{self, BlobKey};
use nexus_store::chat::notifications::Notification;

use super::*;

impl House {
    async fn keep(&self, who: &Person, content: &str) -> (AttachmentId, BlobKey) {
        let (status, made) = self.upload(who, content.as_bytes()).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let id = made["id"].as_str().unwrap().parse().unwrap();
        (id, BlobKey::of(content.as_bytes()))
    }

    fn run(&self, sql: &str) {
        self.app.database().execute(sql, &[]).unwrap();
    }

    fn count(&self, sql: &str) -> i64 {
        self.app.database().query(sql, &[]).unwrap()[0].get(0).unwrap()
    }

    async fn purge(&self) {
        let (status, _) = self.internal(relay_calls::PURGE, json!({})).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }

    async fn is_kept(&self, key: &BlobKey) -> bool {
        blob::get(&self.app, key).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn files_that_nobody_sent_go_and_those_of_chats_and_maintenance_stay() {
    let Scene { house, anna, ben, .. } = scene();
    let chat = house.direct(&anna, &ben).await;
    let (_, forgotten) = house.keep(&anna, "purge: forgotten").await;
    let (_, shared) = house.keep(&anna, "purge: shared").await;
    let (sent, _) = house.keep(&ben, "purge: shared").await;
    let (taken_back, taken_back_key) = house.keep(&anna, "purge: taken back").await;
    let (mended, mended_key) = house.keep(&anna, "purge: mended").await;
    let path = format!("/chats/{chat}/messages");
    for (who, file) in [(&ben, sent), (&anna, taken_back)] {
        let body = json!({"content": "", "attachments": [file]});
        let (status, _) = house.call(who, "POST", &path, Some(body)).await;
        assert_eq!(status, StatusCode::CREATED);
    }
    let (_, page) = house.call(&anna, "GET", &path, None).await;
    let last = format!("{path}/{}", page["items"][1]["id"].as_str().unwrap());
    house.call(&anna, "DELETE", &last, None).await;
    house.run("PRAGMA foreign_keys = OFF");
    house.run(&format!(
        "INSERT INTO maintenance_requests (id, company_id, apartment_id, requested_by, title, description, priority, \
         status, attachments, created_at, updated_at) \
         VALUES ('r', 'c', 'a', '{}', 't', 'd', 'LOW', 'OPEN', '[\"{mended}\"]', 0, 0)",
        anna.id
    ));
    house.purge().await;
    assert_eq!(house.count("SELECT count(*) FROM attachments"), 5, "all are young");

    house.run("UPDATE attachments SET created_at = 0");
    house.run("UPDATE messages SET deleted_at = 1 WHERE deleted_at IS NOT NULL");
    house.purge().await;
    assert_eq!(house.count("SELECT count(*) FROM attachments"), 2);
    assert!(house.is_kept(&forgotten).await, "for a while longer");
    house.run("UPDATE unused_blobs SET since = 0");
    house.purge().await;
    assert!(!house.is_kept(&forgotten).await);
    assert!(!house.is_kept(&taken_back_key).await);
    assert!(house.is_kept(&shared).await, "another file has the same content");
    assert!(house.is_kept(&mended_key).await);
    assert_eq!(house.count("SELECT count(*) FROM unused_blobs"), 0);
}

#[tokio::test]
async fn old_notifications_and_events_go_and_words_are_indexed() {
    let Scene { house, anna, ben, .. } = scene();
    let chat = house.direct(&anna, &ben).await;
    let path = format!("/chats/{chat}/messages");
    house
        .call(&anna, "POST", &path, Some(json!({"content": "lighthouse"})))
        .await;
    let now = clock::now();
    for days in [91, 1] {
        let notification = Notification {
            id: clock::new_id(NotificationId::generate),
            user_id: anna.id,
            kind: "X".into(),
            title: "t".to_owned(),
            body: "b".to_owned(),
            link: None,
            created_at: now.plus_seconds(-days * 86_400),
            read_at: None,
        };
        nexus_store::chat::notifications::insert(house.app.database(), &notification).unwrap();
    }
    house.run("UPDATE relay_feed SET at = 0 WHERE kind = 'MEMBERSHIP'");
    house.purge().await;
    assert_eq!(house.count("SELECT count(*) FROM notifications"), 1);
    assert_eq!(
        house.count("SELECT count(*) FROM relay_feed WHERE kind = 'MEMBERSHIP'"),
        0
    );
    assert_eq!(
        house.count("SELECT count(*) FROM relay_feed WHERE kind = 'NOTIFICATION'"),
        2
    );
    assert_eq!(house.count("SELECT indexed_n FROM message_index"), 1);
}

#[tokio::test]
async fn nobody_but_the_scheduler_purges() {
    let Scene { house, .. } = scene();
    let unsigned = Request::post(relay_calls::PURGE).body(Body::from("{}")).unwrap();
    assert_eq!(house.send(unsigned).await.0, StatusCode::NOT_FOUND);
}
