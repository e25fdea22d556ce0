//! What a client says, before anybody looks at its meaning.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::MOST_FRAME;

/// How an answer finds back to what it answers: a Socket.IO acknowledgement id or the `id` of a plain frame.
pub type AnswerTo = Option<i64>;

#[derive(Debug)]
pub struct ClientEvent {
    pub name: String,
    pub data: Option<Box<RawValue>>,
    pub answer_to: AnswerTo,
}

impl ClientEvent {
    /// The client's own name for what it sends, if there is one.
    pub fn temp_id(&self) -> Option<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Named {
            temp_id: Option<String>,
        }
        serde_json::from_str::<Named>(self.data.as_deref()?.get()).ok()?.temp_id
    }
}

/// The most that waits of what one client says before it is let in: so many events, and so many bytes.
const MOST_EVENTS: usize = 64;
const MOST_BYTES: usize = 2 * MOST_FRAME;

/// What a client says before it is let in.
#[derive(Default)]
pub struct Early {
    events: Vec<ClientEvent>,
    bytes: usize,
}

impl Early {
    /// Gives the event back when it would be too much.
    pub fn push(&mut self, event: ClientEvent) -> Result<(), ClientEvent> {
        let bytes = self.bytes + event.name.len() + event.data.as_ref().map_or(0, |data| data.get().len());
        if self.events.len() == MOST_EVENTS || bytes > MOST_BYTES {
            return Err(event);
        }
        self.bytes = bytes;
        self.events.push(event);
        Ok(())
    }

    pub fn take(&mut self) -> Vec<ClientEvent> {
        std::mem::take(self).events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temp_id_is_found_where_there_is_one() {
        let temp_id = |data: &str| {
            let data = Some(RawValue::from_string(data.to_owned()).unwrap());
            let event = ClientEvent {
                name: "NEW_MESSAGE".to_owned(),
                data,
                answer_to: None,
            };
            event.temp_id()
        };
        assert_eq!(temp_id(r#"{"chatId":"x","tempId":"a-1"}"#).as_deref(), Some("a-1"));
        for without in [r#"{"chatId":"x"}"#, r#"{"tempId":7}"#, "[]", "null"] {
            assert_eq!(temp_id(without), None, "{without}");
        }
    }

    #[test]
    fn what_is_said_early_is_bounded_by_number_and_by_bytes() {
        let event = |bytes: usize| ClientEvent {
            name: String::new(),
            data: RawValue::from_string(format!("\"{}\"", "x".repeat(bytes - 2))).ok(),
            answer_to: None,
        };
        let mut early = Early::default();
        assert!(early.push(event(MOST_FRAME)).is_ok() && early.push(event(MOST_FRAME)).is_ok());
        assert!(early.push(event(2)).is_err());
        assert_eq!(early.take().len(), 2);
        for _ in 0..MOST_EVENTS {
            assert!(early.push(event(2)).is_ok());
        }
        assert!(early.push(event(2)).is_err());
    }
}
