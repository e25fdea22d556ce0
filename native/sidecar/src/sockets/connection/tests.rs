use nexus_protocol::EventName;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::*;

fn deliveries() -> IntCounterVec {
    crate::sockets::meters::Meters::new().unwrap().deliveries
}

fn said(name: &str) -> ClientEvent {
    ClientEvent {
        name: name.to_owned(),
        data: None,
        answer_to: None,
    }
}

fn names(events: &[ClientEvent]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

#[test]
fn what_a_client_says_while_it_is_let_in_is_done_before_what_it_says_after() {
    let (queue, mut sent) = mpsc::unbounded_channel();
    let connection = Connection::new(Wire::Plain(queue), Arc::new(Flow::default()), deliveries());
    assert!(connection.postpone(said("1")).is_none());
    connection.start_catching_up();
    assert!(connection.postpone(said("2")).is_none());
    let early = connection.open(HashMap::new(), &HashSet::new());
    assert_eq!(names(&early), ["1", "2"]);
    // They are being done; what others say gets through already.
    assert!(connection.postpone(said("3")).is_none());
    connection.deliver(&Event::new(EventName::NewMessage, &()), None);
    assert!(sent.try_recv().is_ok());
    assert_eq!(names(&connection.said_meanwhile()), ["3"]);
    assert!(connection.said_meanwhile().is_empty());
    assert!(connection.postpone(said("4")).is_some());
}

#[test]
fn too_much_said_too_early_is_refused_by_name() {
    let (queue, mut sent) = mpsc::unbounded_channel();
    let connection = Connection::new(Wire::Plain(queue), Arc::new(Flow::default()), deliveries());
    for _ in 0..64 {
        assert!(connection.postpone(said("NEW_MESSAGE")).is_none());
    }
    let data = serde_json::value::to_raw_value(&serde_json::json!({"tempId": "a-1"})).ok();
    let mut one_more = said("NEW_MESSAGE");
    one_more.data = data;
    assert!(connection.postpone(one_more).is_none());
    let Ok(PlainOut::Text(text)) = sent.try_recv() else {
        panic!("an answer");
    };
    assert!(text.contains("UNAVAILABLE") && text.contains("a-1"), "{text}");
}
