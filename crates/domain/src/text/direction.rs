//! Controls that make text show in another order than it is stored in (UAX #9).

use std::borrow::Cow;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    Embedding,
    Override,
    Isolate,
}

const fn opens(c: char) -> Option<Opened> {
    match c {
        '\u{202a}' | '\u{202b}' => Some(Opened::Embedding),
        '\u{202d}' | '\u{202e}' => Some(Opened::Override),
        '\u{2066}'..='\u{2068}' => Some(Opened::Isolate),
        _ => None,
    }
}

pub(super) const fn controls_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text without overrides, and without embeddings and isolates that are not closed in their paragraph: those would
/// change how the text after them shows.
pub fn without_overrides(text: &str) -> Cow<'_, str> {
    if !text.contains(controls_direction) {
        return Cow::Borrowed(text);
    }
    let chars: Vec<char> = text.chars().collect();
    // Of the controls, those that have their counterpart stay.
    let mut kept: Vec<bool> = chars.iter().map(|c| !controls_direction(*c)).collect();
    let mut open: Vec<(usize, Opened)> = Vec::new();
    for (place, c) in chars.iter().enumerate() {
        if let Some(opened) = opens(*c) {
            open.push((place, opened));
            continue;
        }
        match c {
            '\u{202c}' => match open.last() {
                Some((_, Opened::Isolate)) | None => {}
                Some((begin, opened)) => {
                    if *opened == Opened::Embedding {
                        (kept[*begin], kept[place]) = (true, true);
                    }
                    open.pop();
                }
            },
            // It ends the embeddings inside the isolate as well.
            '\u{2069}' => {
                if let Some(isolate) = open.iter().rposition(|(_, opened)| *opened == Opened::Isolate) {
                    (kept[open[isolate].0], kept[place]) = (true, true);
                    open.truncate(isolate);
                }
            }
            '\n' | '\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2029}' => open.clear(),
            _ => {}
        }
    }
    let kept = chars.iter().zip(&kept).filter(|(_, kept)| **kept);
    Cow::Owned(kept.map(|(c, _)| *c).collect())
}

#[cfg(test)]
mod tests {
    use super::without_overrides;

    #[test]
    fn overrides_and_what_is_not_closed_are_taken_out_and_the_rest_stays() {
        for (given, left) in [
            ("plain \u{200f}شقة\u{200e}", "plain \u{200f}شقة\u{200e}"),
            ("a\u{202e}fdp.exe", "afdp.exe"),
            ("a\u{202d}b\u{202c}c", "abc"),
            ("\u{2067}شقة\u{2069} 12", "\u{2067}شقة\u{2069} 12"),
            ("\u{202b}شقة\u{202c} 12", "\u{202b}شقة\u{202c} 12"),
            ("\u{2067}شقة", "شقة"),
            ("\u{202a}a", "a"),
            ("a\u{2069}b\u{202c}", "ab"),
            ("\u{2066}a\u{202b}b\u{2069}c", "\u{2066}ab\u{2069}c"),
            ("\u{2066}a\nb\u{2069}", "a\nb"),
            ("\u{202a}a\u{202e}b\u{202c}c\u{202c}", "\u{202a}abc\u{202c}"),
        ] {
            assert_eq!(without_overrides(given), left, "{given:?}");
        }
    }
}
