//! The product with any number of users, who need not sign in one by one.

use std::net::SocketAddr;

use nexus_domain::Role;
use nexus_domain::ids::{ChatId, CompanyId, SessionId, UserId};
use nexus_domain::token::{AccessClaims, AccessKey, sign_access_token};
use nexus_kit::clock;
use nexus_store::{Database, params};
use nexus_tests::TestApp;
use serde_json::json;

const SECRET: &str = "Cq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yu";

pub struct Product {
    pub app: TestApp,
    database: Database,
    company: CompanyId,
}

pub struct Person {
    pub id: UserId,
    /// `{"token": …}`
    pub auth: String,
    pub token: String,
}

impl Product {
    pub async fn start() -> Self {
        let app = TestApp::builder()
            .env("JWT_ACCESS_SECRET", SECRET)
            .env("MESSAGE_RATE", "1000000/1s")
            .env("LOG_LEVEL", "error")
            .env("METRICS_ALLOW", "127.0.0.0/8")
            .start()
            .await;
        let database = Database::open_file(&app.data().join(".spin/sqlite_db.db")).expect("the database");
        let company = clock::new_id(CompanyId::generate);
        nexus_store::identity::companies::insert(&database, company, "Load", "load", "EUR", "UTC", clock::now())
            .expect("a company");
        Self { app, database, company }
    }

    pub fn address(&self) -> SocketAddr {
        self.app
            .url()
            .trim_start_matches("http://")
            .parse()
            .expect("an address")
    }

    /// Creates the users in one commit, with tokens that are valid for an hour.
    pub fn people(&self, count: usize) -> Vec<Person> {
        let (now, expires) = (clock::now(), clock::now().plus_seconds(3_600));
        let people: Vec<(UserId, SessionId)> = (0..count)
            .map(|_| (clock::new_id(UserId::generate), clock::new_id(SessionId::generate)))
            .collect();
        let rows = json!(people).to_string();
        self.database
            .transaction(|tx| {
                tx.execute(
                    "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, created_at, updated_at) \
                     SELECT value ->> 0, value ->> 0, value ->> 0, 'Load', 'MANAGER', ?2, 'ACTIVE', '', ?3, ?3 FROM json_each(?1)",
                    params![rows.as_str(), self.company, now],
                )?;
                tx.execute(
                    "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) \
                     SELECT value ->> 1, value ->> 0, ?2, ?2, ?3 FROM json_each(?1)",
                    params![rows.as_str(), now, expires],
                )
            })
            .expect("people");
        people
            .into_iter()
            .map(|(id, session)| {
                let claims = AccessClaims::new(id, session, Role::Manager, Some(self.company), now.as_seconds(), 3_600);
                let token = sign_access_token(&AccessKey::derive(SECRET.as_bytes()), &claims).expect("a token");
                Person {
                    id,
                    auth: json!({ "token": token }).to_string(),
                    token,
                }
            })
            .collect()
    }

    pub fn chat(&self, people: &[Person]) -> String {
        let chat = clock::new_id(ChatId::generate);
        let members: Vec<UserId> = people.iter().map(|person| person.id).collect();
        self.database
            .transaction(|tx| {
                tx.execute(
                    "INSERT INTO chats (id, type, name, created_by, last_activity_at, created_at) VALUES (?1, 'GROUP', 'Load', ?2, ?3, ?3)",
                    params![chat, members[0], clock::now()],
                )?;
                tx.execute(
                    "INSERT INTO chat_members (chat_id, user_id, joined_at) SELECT ?1, value, ?3 FROM json_each(?2)",
                    params![chat, json!(members).to_string(), clock::now()],
                )
            })
            .expect("a chat");
        chat.to_string()
    }

    /// Stores this many messages in the chat, as read by these users and indexed for the search.
    pub fn fill(&self, chat: &str, people: &[Person], count: usize) {
        let senders = json!(people.iter().map(|person| person.id).collect::<Vec<_>>()).to_string();
        let (count, now) = (i64::try_from(count).expect("a sensible number"), clock::now());
        if count == 0 {
            return;
        }
        self.database
            .transaction(|tx| {
                tx.execute(
                    "WITH RECURSIVE numbers (seq, n) AS (SELECT 1, 1 + (SELECT ifnull(max(n), 0) FROM messages) \
                     UNION ALL SELECT seq + 1, n + 1 FROM numbers WHERE seq < ?3) \
                     INSERT INTO messages (n, id, chat_id, seq, sender_id, temp_id, message_type, content, created_at) \
                     SELECT n, printf('01900000-%04x-7%03x-8000-%012x', n >> 12, n & 4095, n), ?1, seq, \
                     ?2 ->> (seq % json_array_length(?2)), 'earlier-' || n, 'TEXT', 'Message ' || n || ', of usual length.', ?4 FROM numbers",
                    params![chat, senders.as_str(), count, now],
                )?;
                tx.execute(
                    "INSERT INTO message_words (rowid, content) SELECT n, content FROM messages WHERE chat_id = ?1",
                    params![chat],
                )?;
                tx.execute("UPDATE message_index SET indexed_n = (SELECT max(n) FROM messages)", &[])?;
                tx.execute("UPDATE chats SET last_seq = ?2 WHERE id = ?1", params![chat, count])?;
                tx.execute("UPDATE chat_members SET last_read_seq = ?2 WHERE chat_id = ?1", params![chat, count])
            })
            .expect("messages");
    }
}
