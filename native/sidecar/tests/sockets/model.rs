//! Random histories: people on two relays send, lose their connections, come back; relays die, calls to the store fail
//! before or after they were done, messages are stored and edited and chats are made behind the relays' backs. Half of
//! the people speak Socket.IO, half the plain protocol. Whatever happens, the guarantees 1 to 4 of the realtime contract hold for everybody who was there.
//!
//! `NEXUS_HISTORIES` says how many, `NEXUS_SEED` repeats a run's choices (not its timing).

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Instant;

use nexus_tests::RedisServer;
use nexus_tests::witness::{Speech, Stored, Witness, compare};

use super::nodes::Mortal;
use super::*;

const AT_ONCE: usize = 32;
const HISTORIES: u64 = 1_000;

/// SplitMix64: a few lines, and the same numbers everywhere.
#[derive(Clone)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    fn millis(&mut self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }
}

/// Two relays of which now and then one dies and another takes its place.
struct World {
    app: App,
    company: CompanyId,
    redis: RedisServer,
    relays: Mutex<[Option<Arc<Mortal>>; 2]>,
}

impl World {
    async fn new() -> Arc<Self> {
        let (app, company) = place();
        let world = Arc::new(Self {
            app,
            company,
            redis: RedisServer::start(),
            relays: Mutex::default(),
        });
        world.replace(0, Duration::ZERO).await;
        world.replace(1, Duration::ZERO).await;
        world
    }

    async fn replace(&self, which: usize, pause: Duration) {
        // Dies here, unless a history is just reading its address.
        self.relays.lock().unwrap()[which] = None;
        tokio::time::sleep(pause).await;
        let relay = Mortal::start(&self.app, self.company, &self.redis.url(), &[]).await;
        self.relays.lock().unwrap()[which] = Some(Arc::new(relay));
    }

    fn relay(&self, which: usize) -> Option<Arc<Mortal>> {
        let relays = self.relays.lock().unwrap();
        relays[which].clone().or_else(|| relays[1 - which].clone())
    }

    fn url(&self, which: usize) -> String {
        self.relay(which)
            .map_or_else(|| "http://127.0.0.1:9".to_owned(), |mortal| mortal.relay.url())
    }

    /// What goes wrong, one thing after another.
    async fn trouble(self: Arc<Self>, mut chance: Chance) {
        loop {
            tokio::time::sleep(Duration::from_millis(100 + chance.below(500))).await;
            let which = chance.index(2);
            match chance.below(10) {
                0..=2 => {
                    let pause = chance.millis(300);
                    self.replace(which, pause).await;
                }
                3..=7 => {
                    let Some(mortal) = self.relay(which) else { continue };
                    let backend = Arc::clone(&mortal.relay.backend);
                    drop(mortal);
                    backend.fail_before.store(150, Ordering::Relaxed);
                    backend.fail_after.store(150, Ordering::Relaxed);
                    tokio::time::sleep(chance.millis(400)).await;
                    backend.fail_before.store(0, Ordering::Relaxed);
                    backend.fail_after.store(0, Ordering::Relaxed);
                }
                _ => {
                    self.redis.pause();
                    tokio::time::sleep(chance.millis(1_500)).await;
                    self.redis.resume();
                }
            }
        }
    }

    fn stored(&self, chat: ChatId) -> (Vec<Stored>, HashSet<String>) {
        let rows = self
            .app
            .database()
            .query(
                "SELECT seq, id, temp_id, content, edited_at IS NOT NULL OR deleted_at IS NOT NULL FROM messages \
                 WHERE chat_id = ?1 ORDER BY seq",
                params![chat],
            )
            .unwrap();
        let mut edited = HashSet::new();
        let mut stored = Vec::new();
        for row in &rows {
            let message = Stored {
                seq: row.get(0).unwrap(),
                id: row.get(1).unwrap(),
                temp_id: row.get(2).unwrap(),
                content: row.get(3).unwrap(),
            };
            if row.get(4).unwrap() {
                edited.insert(message.id.clone());
            }
            stored.push(message);
        }
        (stored, edited)
    }
}

/// One history; gives what is wrong at its end.
async fn history(world: Arc<World>, seed: u64) -> Vec<String> {
    let mut chance = Chance(seed);
    let Some(some) = world.relay(0) else {
        return vec!["no relay".to_owned()];
    };
    let people: Vec<Person> = (0..2 + chance.below(3)).map(|_| some.relay.person()).collect();
    let mut chats: Vec<ChatId> = (0..1 + chance.below(2))
        .map(|_| some.relay.chat(&people.iter().collect::<Vec<_>>()))
        .collect();
    drop(some);
    let mut witnesses: Vec<Witness> = people
        .iter()
        .enumerate()
        .map(|(number, person)| {
            let (world, choice) = (Arc::clone(&world), Mutex::new(Chance(seed ^ number as u64)));
            let urls = move || world.url(choice.lock().unwrap().index(2));
            let speech = match number % 2 {
                0 => Speech::Plain,
                _ => Speech::SocketIo,
            };
            Witness::start_by(speech, &format!("{seed:x}-{number}"), &person.token, urls)
        })
        .collect();
    for step in 0..15 + chance.below(30) {
        let who = chance.index(people.len());
        let chat = chats[chance.index(chats.len())];
        match chance.below(20) {
            0..=9 => witnesses[who].send(&chat.to_string(), &format!("step {step}")),
            10 => witnesses[who].send_again(chance.index(8)),
            11..=13 => witnesses[who].drop_connection(chance.millis(120)),
            14 => change(&world, &mut chance, chat, &people).await,
            15 => store(&world, &mut chance, chat, &people[who]).await,
            16 if chats.len() < 4 => chats.extend(make(&world, &mut chance, &people).await),
            _ => tokio::time::sleep(chance.millis(60)).await,
        }
    }
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let wrong = judge(&world, &chats, &witnesses);
        let complained = witnesses.iter().any(|witness| !witness.seen().complaints.is_empty());
        if wrong.is_empty() || complained || Instant::now() > patience {
            if !wrong.is_empty() {
                for witness in &witnesses {
                    println!("{}", witness.seen().log.join("\n"));
                    println!("---");
                }
            }
            return wrong
                .into_iter()
                .map(|what| format!("seed {seed:#x}: {what}"))
                .collect();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn judge(world: &World, chats: &[ChatId], witnesses: &[Witness]) -> Vec<String> {
    let mut wrong: Vec<String> = witnesses
        .iter()
        .flat_map(|witness| {
            let pending: Vec<String> = witness.seen().pending.keys().cloned().collect();
            pending
                .into_iter()
                .map(|temp_id| format!("{temp_id} was never acknowledged"))
        })
        .collect();
    for chat in chats {
        let (stored, edited) = world.stored(*chat);
        let all: Vec<&Witness> = witnesses.iter().collect();
        let was_edited = |message: &Stored| edited.contains(&message.id);
        wrong.extend(compare(&chat.to_string(), &stored, &all, was_edited));
    }
    wrong
}

/// Somebody makes a chat by REST; the relay may or may not be told.
async fn make(world: &World, chance: &mut Chance, people: &[Person]) -> Option<ChatId> {
    let mortal = world.relay(chance.index(2))?;
    let people: Vec<&Person> = people.iter().collect();
    let chat = mortal.relay.chat(&people);
    if chance.below(2) == 0 {
        mortal.relay.tell(chat, &people).await;
    }
    Some(chat)
}

/// Somebody stores a message by REST; the relay may or may not be told.
async fn store(world: &World, chance: &mut Chance, chat: ChatId, sender: &Person) {
    let Some(mortal) = world.relay(chance.index(2)) else {
        return;
    };
    let placed = mortal.relay.store(chat, sender, "by REST");
    if chance.below(2) == 0 {
        mortal
            .relay
            .hub
            .deliver(vec![RelayEvent::MessageStored { placed }])
            .await;
    }
}

/// Somebody edits or deletes a message by REST; the relay may or may not be told.
async fn change(world: &World, chance: &mut Chance, chat: ChatId, people: &[Person]) {
    let (stored, _) = world.stored(chat);
    if stored.is_empty() {
        return;
    }
    let message: MessageId = stored[chance.index(stored.len())].id.parse().unwrap();
    let (database, now) = (world.app.database(), clock::now());
    let is_edit = chance.below(3) > 0;
    for person in people {
        let changed = if is_edit {
            let text = format!("edited {}", chance.below(1_000));
            nexus_store::chat::messages::edit(database, person.id, chat, message, text, |_| true, now).ok()
        } else {
            nexus_store::chat::messages::delete(database, person.id, Role::Manager, chat, message, now)
                .ok()
                .flatten()
        };
        let Some(changed) = changed else { continue };
        if let Some(mortal) = world.relay(chance.index(2))
            && chance.below(2) == 0
        {
            let event = RelayEvent::MessageChanged {
                message: changed.message,
                change: changed.change,
            };
            mortal.relay.hub.deliver(vec![event]).await;
        }
        return;
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_acknowledged_is_stored_once_ordered_and_recovered() {
    let count = number("NEXUS_HISTORIES").unwrap_or(HISTORIES);
    let mut chance = Chance(number("NEXUS_SEED").unwrap_or_else(|| {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    }));
    println!("NEXUS_SEED={:#x} NEXUS_HISTORIES={count}", chance.0);
    let started = Instant::now();
    let world = World::new().await;
    let trouble = tokio::spawn(Arc::clone(&world).trouble(Chance(chance.next())));
    let places = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..count {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let (world, seed) = (Arc::clone(&world), chance.next());
        running.spawn(async move {
            let wrong = history(world, seed).await;
            drop(place);
            wrong
        });
    }
    let mut wrong = Vec::new();
    while let Some(history) = running.join_next().await {
        wrong.extend(history.unwrap());
    }
    trouble.abort();
    world.redis.resume();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{count} histories in {:?}", started.elapsed());
}
