//! The name in a mail. People choose it themselves, and a mail must not carry their message to somebody else.

/// In characters. Words are kept as long as they fit.
const MAX_LENGTH: usize = 60;
/// A year or a house number may stand in a name, a telephone number may not.
const MAX_DIGITS: usize = 4;

/// A name as a mail may show it: one line of limited length. Empty when it reads like a link, an address or a number to
/// call: mail programs make links of such.
pub fn name_to_show(name: &str) -> String {
    let words: Vec<&str> = name
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let digits = name.chars().filter(|c| c.is_numeric()).count();
    if digits > MAX_DIGITS || words.iter().any(|word| looks_like_a_link(word)) {
        return String::new();
    }
    let mut shown = String::new();
    let mut length = 0;
    for word in words {
        let word: String = word.chars().filter(|c| !is_directional(*c)).collect();
        if word.is_empty() {
            continue;
        }
        length += word.chars().count() + 1;
        if length > MAX_LENGTH + 1 {
            break;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(&word);
    }
    shown
}

/// A scheme, a path, an address, or something with a top-level domain: a dot, also a full-width one, before two letters.
fn looks_like_a_link(word: &str) -> bool {
    if word.contains(['/', '\\', '@', ':', '<', '>', '＠', '／', '：']) || word.to_lowercase().starts_with("www") {
        return true;
    }
    let labels: Vec<&str> = word.split(['.', '。', '．', '｡', '․']).collect();
    labels.windows(2).any(|pair| {
        let letters = pair[1].chars().take_while(|c| c.is_alphanumeric()).count();
        !pair[0].is_empty() && letters >= 2
    })
}

/// Turns the direction of what follows, or stands for nothing.
fn is_directional(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_it_is() {
        for name in [
            "Ana",
            "J. R. R. Tolkien",
            "J.R.R. Tolkien",
            "Dr. Ana Szabó-Nagy Jr.",
            "O'Brien, Seán",
            "عبد الرحمن بن محمد",
            "李小龍",
            "Henry 8",
        ] {
            assert_eq!(name_to_show(name), name);
        }
    }

    #[test]
    fn a_name_that_reads_like_a_link_or_a_number_to_call_is_not_shown() {
        for name in [
            "URGENT: verify your account at http://evil.example",
            "visit evil.com",
            "evil.com/x",
            "www evil",
            "WWW.evil",
            "evil。com",
            "evil．com now",
            "write to a@b.co",
            "hxxp:evil",
            "call 0800 123 456",
            "call ٠٨٠٠١٢٣",
        ] {
            assert_eq!(name_to_show(name), "", "{name}");
        }
    }

    #[test]
    fn a_name_is_one_line_of_limited_length() {
        assert_eq!(name_to_show("Ana\r\n\r\nPay\u{2028}now\t\u{202e}x"), "Ana Pay now x");
        let long = "word ".repeat(30);
        let shown = name_to_show(&long);
        assert!(
            shown.chars().count() <= MAX_LENGTH && shown.starts_with("word word"),
            "{shown}"
        );
        assert_eq!(name_to_show(&"x".repeat(100)), "");
    }
}
