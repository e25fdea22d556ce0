//! A query as it may be logged.

use super::paths::canonical;

/// Parameters whose values say nothing of a person and open nothing. The value of any other is left out: a session's id, a
/// token, a code, an address, or what somebody searches for may stand there, under whatever name.
const PLAIN: [&str; 25] = [
    "EIO",
    "after",
    "before",
    "dry",
    "floor",
    "from",
    "kind",
    "limit",
    "locale",
    "month",
    "online",
    "overdue",
    "paid",
    "read",
    "role",
    "sort",
    "status",
    "to",
    "transport",
    "type",
    "unread",
    "verificationStatus",
    "withTotal",
    "year",
    "days",
];
/// Longer values are none of ours.
const LONGEST: usize = 40;

/// The names of the parameters, and the values of those that are harmless.
pub fn loggable(query: &str) -> String {
    let pairs: Vec<String> = query.split('&').map(pair).collect();
    pairs.join("&")
}

fn pair(pair: &str) -> String {
    // Without a name, what is there may be anything.
    let Some((name, value)) = pair.split_once('=') else {
        return "***".to_owned();
    };
    let name = canonical(name);
    if !is_name(&name) {
        return "***=***".to_owned();
    }
    match is_plain(&name, value) {
        true => format!("{name}={value}"),
        false => format!("{name}=***"),
    }
}

fn is_name(name: &str) -> bool {
    (1..=24).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.[]-".contains(&byte))
}

fn is_plain(name: &str, value: &str) -> bool {
    let is_short = value.len() <= LONGEST && value.bytes().all(|byte| byte.is_ascii_graphic());
    PLAIN.contains(&name) && is_short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_harmless_is_logged_with_its_value() {
        for (query, logged) in [
            ("limit=5&sort=-name&withTotal=true", "limit=5&sort=-name&withTotal=true"),
            (
                "EIO=4&transport=polling&t=abc&sid=XSDr2fZvN6mBNvA6",
                "EIO=4&transport=polling&t=***&sid=***",
            ),
            (
                "token=abc&%74oken=abc&resetToken=x",
                "token=***&token=***&resetToken=***",
            ),
            ("q=anna%40example.com&email=a@b.c", "q=***&email=***"),
            ("cursor=eyJhIjoxfQ", "cursor=***"),
            ("eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "***"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx=", "***=***"),
            ("limit=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "limit=***"),
            ("sid", "***"),
            ("", "***"),
        ] {
            assert_eq!(loggable(query), logged, "{query}");
        }
    }
}
