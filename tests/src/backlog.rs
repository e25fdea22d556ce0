//! Events that came while another was waited for: a client asks for them in its own order.

use std::collections::VecDeque;

use serde_json::Value;

#[derive(Default)]
pub struct Backlog(VecDeque<Value>);

impl Backlog {
    /// The data of the oldest kept event of this name.
    pub fn take(&mut self, event: &str) -> Option<Value> {
        let at = self.0.iter().position(|kept| kept["event"] == event)?;
        self.0.remove(at).map(|mut kept| kept["data"].take())
    }

    /// The oldest kept event, whatever it is.
    pub fn pop(&mut self) -> Option<Value> {
        self.0.pop_front()
    }

    pub fn keep(&mut self, event: Value) {
        self.0.push_back(event);
    }
}
