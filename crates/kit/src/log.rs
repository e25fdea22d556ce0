//! Lines of the log, in the shape that the edge's have: one JSON object with `timestamp`, `level`, `target`, `message` and
//! what else is to be said.

use serde_json::{Map, Value, json};

use crate::clock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// Writes a line. `target` says what it is about (`access`, `security`, …); `fields` is an object.
pub fn write(level: Level, target: &str, message: &str, fields: Value) {
    println!("{}", line(level, target, message, fields));
}

fn line(level: Level, target: &str, message: &str, fields: Value) -> Value {
    let mut line = match fields {
        Value::Object(fields) => fields,
        other => Map::from_iter([("fields".to_owned(), other)]),
    };
    line.insert("timestamp".to_owned(), json!(clock::now()));
    line.insert("level".to_owned(), json!(level.as_str()));
    line.insert("target".to_owned(), json!(target));
    line.insert("message".to_owned(), json!(message));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_shape_of_the_edges() {
        let line = line(Level::Warn, "relay", "events did not arrive", json!({ "cause": "x" }));
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["target"], "relay");
        assert_eq!(line["message"], "events did not arrive");
        assert_eq!(line["cause"], "x");
        assert!(line["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')));
    }
}
