//! What a client says, before anybody looks at its meaning.

use serde::Deserialize;
use serde_json::value::RawValue;

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
}
