//! What SendGrid's answers mean.

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

/// What came of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    Accepted {
        message_id: Option<String>,
    },
    /// It would be refused again.
    Refused(String),
    /// SendGrid is well and wants it later.
    Busy {
        reason: String,
        retry_after_seconds: Option<u32>,
    },
    /// SendGrid is not well, or doesn't know us.
    Unwell {
        reason: String,
        retry_after_seconds: Option<u32>,
    },
}

/// `now` in seconds since 1970, for a `Retry-After` or rate limit that names a time.
pub fn of_send(status: StatusCode, headers: &HeaderMap, body: &[u8], now: u64) -> Sent {
    if status.is_success() {
        let message_id = text(headers, "x-message-id").map(str::to_owned);
        return Sent::Accepted { message_id };
    }
    let reason = format!("SendGrid answered {}{}", status.as_u16(), said(body));
    let retry_after_seconds = retry_after(headers, now);
    match status.as_u16() {
        429 => Sent::Busy {
            reason,
            retry_after_seconds,
        },
        // The key or the sender isn't accepted: our operator can mend that, so the mail waits.
        401 | 403 => Sent::Unwell {
            reason,
            retry_after_seconds,
        },
        // It timed out, or wants the same once more.
        408 | 425 => Sent::Unwell {
            reason,
            retry_after_seconds,
        },
        400..=499 => Sent::Refused(reason),
        _ => Sent::Unwell {
            reason,
            retry_after_seconds,
        },
    }
}

/// `Retry-After` in seconds or as a date; SendGrid itself tells the end of the window in `X-RateLimit-Reset`.
fn retry_after(headers: &HeaderMap, now: u64) -> Option<u32> {
    let until = |at: u64| u32::try_from(at.saturating_sub(now)).unwrap_or(u32::MAX);
    if let Some(value) = text(headers, header::RETRY_AFTER.as_str()) {
        return value.parse().ok().or_else(|| http_date(value).map(until));
    }
    text(headers, "x-ratelimit-reset")
        .and_then(|value| value.parse().ok())
        .map(until)
}

/// IMF-fixdate (RFC 9110 §5.6.7), `Sun, 06 Nov 1994 08:49:37 GMT`, in seconds since 1970.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut parts = text.split_once(", ")?.1.split(' ');
    let day: i64 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month = i64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()? + 1;
    let year: i64 = parts.next()?.parse().ok()?;
    let mut clock = parts.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    // Days since 1970 of a civil date, counting years from March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    u64::try_from(days * 86_400 + hour * 3_600 + minute * 60 + second).ok()
}

/// Whether the key may send mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    Good,
    Rejected(String),
    Unreachable(String),
}

#[derive(Deserialize)]
struct Scopes {
    scopes: Vec<String>,
}

/// Of `GET /v3/scopes`.
pub fn of_scopes(status: StatusCode, body: &[u8]) -> Checked {
    match of_any(status, body) {
        Checked::Good => match serde_json::from_slice::<Scopes>(body) {
            Ok(found) if found.scopes.iter().any(|scope| scope == "mail.send") => Checked::Good,
            Ok(_) => Checked::Rejected("the key lacks the right `mail.send`".into()),
            Err(_) => Checked::Unreachable("the list of the key's rights can't be read".into()),
        },
        other => other,
    }
}

/// Of `GET /v3/user/profile`. A key restricted to sending mail may not read the profile, and is good all the same.
pub fn of_profile(status: StatusCode, body: &[u8]) -> Checked {
    match status.as_u16() {
        403 => Checked::Good,
        _ => of_any(status, body),
    }
}

fn of_any(status: StatusCode, body: &[u8]) -> Checked {
    let answered = || format!("SendGrid answered {}{}", status.as_u16(), said(body));
    match status.as_u16() {
        200..=299 => Checked::Good,
        401 | 403 => Checked::Rejected(answered()),
        _ => Checked::Unreachable(answered()),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    message: String,
}

/// SendGrid's own words, short enough for a column.
fn said(body: &[u8]) -> String {
    let words = match serde_json::from_slice::<Errors>(body) {
        Ok(found) => found
            .errors
            .into_iter()
            .map(|error| error.message)
            .collect::<Vec<_>>()
            .join("; "),
        Err(_) => String::new(),
    };
    if words.is_empty() {
        words
    } else {
        format!(": {}", words.chars().take(300).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Sent {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        of_send(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), NOW)
    }

    #[test]
    fn any_2xx_is_accepted_with_the_provider_s_id() {
        assert_eq!(
            answer(202, &[("x-message-id", "abc")], ""),
            Sent::Accepted {
                message_id: Some("abc".into())
            }
        );
        assert_eq!(answer(200, &[], ""), Sent::Accepted { message_id: None });
    }

    #[test]
    fn a_mail_that_can_t_be_right_is_refused_with_the_reason() {
        let body = r#"{"errors":[{"message":"The to address is required.","field":"to","help":null}]}"#;
        assert_eq!(
            answer(400, &[], body),
            Sent::Refused("SendGrid answered 400: The to address is required.".into())
        );
        assert!(matches!(answer(413, &[], "<html>"), Sent::Refused(_)));
    }

    #[test]
    fn a_wrong_key_or_a_sick_provider_makes_the_mail_wait() {
        for status in [401, 403, 408, 500, 502, 503, 302] {
            assert!(matches!(answer(status, &[], ""), Sent::Unwell { .. }), "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        let busy = |headers: &[(&'static str, &str)]| match answer(429, headers, "") {
            Sent::Busy {
                retry_after_seconds, ..
            } => retry_after_seconds,
            other => panic!("{other:?}"),
        };
        assert_eq!(busy(&[("retry-after", "7")]), Some(7));
        assert_eq!(busy(&[("retry-after", "Tue, 14 Nov 2023 22:13:50 GMT")]), Some(30));
        assert_eq!(busy(&[("x-ratelimit-reset", "1700000012")]), Some(12));
        assert_eq!(busy(&[("retry-after", "soon")]), None);
    }

    #[test]
    fn a_key_must_be_known_and_may_send() {
        let ok = StatusCode::OK;
        assert_eq!(of_scopes(ok, br#"{"scopes":["mail.send","x"]}"#), Checked::Good);
        assert!(matches!(of_scopes(ok, br#"{"scopes":["x"]}"#), Checked::Rejected(_)));
        assert!(matches!(of_scopes(StatusCode::UNAUTHORIZED, b""), Checked::Rejected(_)));
        assert!(matches!(
            of_scopes(StatusCode::BAD_GATEWAY, b""),
            Checked::Unreachable(_)
        ));
        assert_eq!(of_profile(StatusCode::FORBIDDEN, b""), Checked::Good);
        assert!(matches!(
            of_profile(StatusCode::UNAUTHORIZED, b""),
            Checked::Rejected(_)
        ));
    }
}
