//! What the edge can tell from a path alone.

use std::borrow::Cow;

use nexus_protocol::edge::{API, is_internal, is_socket, is_under};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

/// The path as the rules below compare it: `/api/v1/%61dmin` must not pass for something else.
pub fn canonical(path: &str) -> Cow<'_, str> {
    percent_decode_str(path).decode_utf8_lossy()
}

/// Whether `path` has the pattern's segments; `{}` stands for any one segment.
pub fn matches(pattern: &str, path: &str) -> bool {
    let mut path = path.split('/');
    pattern.split('/').all(|wanted| {
        path.next()
            .is_some_and(|segment| wanted == "{}" && !segment.is_empty() || wanted == segment)
    }) && path.next().is_none()
}

/// Aids that show what others should never see, such as mails.
pub fn is_development(path: &str) -> bool {
    is_under(path, "/api/v1/dev")
}

/// Answers there hold tokens, beside text that a caller can choose: compressing both together would
/// let an observer guess the tokens from the length (BREACH).
pub fn carries_secrets(path: &str) -> bool {
    is_under(path, "/api/v1/auth") || is_under(path, "/api/v1/documents") || is_development(path)
}

/// The console's files, and whatever else is neither the API nor between our own parts.
pub fn is_file(path: &str) -> bool {
    !is_under(path, API) && !is_internal(path) && !is_socket(path)
}

/// The path with its ids taken out, as a label for metrics: bounded, whoever asks for what.
pub fn route_label(path: &str) -> String {
    if is_socket(path) {
        return path.trim_end_matches('/').to_owned();
    }
    if is_file(path) {
        return "static".to_owned();
    }
    let mut label = String::with_capacity(path.len());
    for segment in path.split('/').skip(1) {
        label.push('/');
        let is_id = Uuid::try_parse(segment).is_ok() || segment.bytes().all(|b| b.is_ascii_digit());
        label.push_str(if is_id && !segment.is_empty() { "{id}" } else { segment });
    }
    label
}

#[cfg(test)]
mod tests {
    use nexus_protocol::edge::is_admin;

    use super::*;

    #[test]
    fn an_encoded_path_is_what_it_stands_for() {
        assert!(is_admin(&canonical("/api/v1/%61dmin/users")));
    }

    #[test]
    fn ids_leave_the_label() {
        assert_eq!(
            route_label("/api/v1/chats/01990000-0000-7000-8000-000000000000/messages"),
            "/api/v1/chats/{id}/messages"
        );
        assert_eq!(route_label("/assets/app.3f2a.js"), "static");
        assert_eq!(route_label("/socket.io/"), "/socket.io");
    }

    #[test]
    fn a_pattern_matches_segment_by_segment() {
        assert!(matches("/a/{}/c", "/a/b/c"));
        assert!(!matches("/a/{}/c", "/a//c"));
        assert!(!matches("/a/{}", "/a/b/c"));
        assert!(!matches("/a/{}/c", "/a/b"));
    }
}
