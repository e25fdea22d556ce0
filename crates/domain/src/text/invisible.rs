//! Characters that show nothing, and names without them.

use unicode_normalization::UnicodeNormalization;

const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';

/// Whether a character shows nothing of its own: Unicode's Default_Ignorable_Code_Point, the annotation marks, and the
/// blank Braille cell. White space is not among them.
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether there is anything to see in a text.
pub fn has_visible(text: &str) -> bool {
    text.chars()
        .any(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(c))
}

/// An identifier in the one form in which two of them are compared: NFC, nothing invisible, single spaces, none around it.
/// Line breaks and control characters stay, for a rule to refuse.
pub fn clean_identifier(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_invisible(*c)).nfc() {
        if !c.is_whitespace() || super::leaves_the_line(c) {
            clean.push(c);
        } else if !clean.is_empty() && !clean.ends_with(' ') {
            clean.push(' ');
        }
    }
    clean.truncate(clean.trim_end().len());
    clean
}

/// A name as it is kept: NFC, no space around it, and of what is invisible only what its neighbours need: joiners between
/// letters of scripts that write them, and the parts of emoji and of variants of Chinese characters.
pub fn clean_name(text: &str) -> String {
    if text.is_ascii() {
        return text.trim().to_owned();
    }
    let chars: Vec<char> = text.nfc().collect();
    let mut clean = String::with_capacity(text.len());
    let mut before = None;
    let mut place = 0;
    while let Some(c) = chars.get(place).copied() {
        let after = chars.get(place + 1).copied();
        if is_tag(c) {
            let tags = chars[place..].iter().take_while(|c| is_tag(**c)).count();
            let run = &chars[place..place + tags];
            if before == Some(BLACK_FLAG) && run.last() == Some(&CANCEL_TAG) {
                clean.extend(run);
            }
            place += tags;
            continue;
        }
        if !is_invisible(c) || is_needed(c, before, after) {
            clean.push(c);
            before = Some(c);
        }
        place += 1;
    }
    clean.trim().to_owned()
}

const BLACK_FLAG: char = '\u{1f3f4}';
const CANCEL_TAG: char = '\u{e007f}';

const fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

/// Whether an invisible character does something where it stands.
fn is_needed(c: char, before: Option<char>, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match c {
        ZWNJ => joins(before) && after.is_some_and(joins),
        ZWJ => {
            (joins(before) && after.is_some_and(joins)) || (ends_emoji(before) && after.is_some_and(is_pictographic))
        }
        // Keycaps are made of a digit, this, and U+20E3.
        '\u{fe0e}' | '\u{fe0f}' => is_pictographic(before) || matches!(before, '0'..='9' | '#' | '*'),
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => is_han(before),
        '\u{180b}'..='\u{180f}' => matches!(before, '\u{1820}'..='\u{18aa}'),
        _ => false,
    }
}

/// Letters and marks of scripts in which a joiner tells two spellings apart: Arabic and its kin, the Indic scripts, those of
/// South-East Asia, Mongolian.
const fn joins(c: char) -> bool {
    matches!(
        c,
        '\u{620}'..='\u{8ff}'
            | '\u{900}'..='\u{dff}'
            | '\u{f00}'..='\u{109f}'
            | '\u{1700}'..='\u{18aa}'
            | '\u{1a20}'..='\u{1c7f}'
            | '\u{a800}'..='\u{aaff}'
            | '\u{fb50}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefc}'
            | '\u{10a00}'..='\u{10fff}'
            | '\u{11000}'..='\u{11fff}'
            | '\u{1e900}'..='\u{1e95f}'
    ) && !is_invisible(c)
}

/// Near enough to Unicode's Extended_Pictographic; of what is in these blocks, nothing else is followed by a joiner.
const fn is_pictographic(c: char) -> bool {
    matches!(
        c,
        '©' | '®'
            | '\u{203c}'
            | '\u{2049}'
            | '\u{2122}'
            | '\u{2139}'
            | '\u{2190}'..='\u{21ff}'
            | '\u{2300}'..='\u{23ff}'
            | '\u{24c2}'
            | '\u{25a0}'..='\u{27bf}'
            | '\u{2934}'..='\u{2935}'
            | '\u{2b05}'..='\u{2b55}'
            | '\u{3030}'
            | '\u{303d}'
            | '\u{3297}'
            | '\u{3299}'
            | '\u{1f000}'..='\u{1faff}'
    )
}

const fn ends_emoji(c: char) -> bool {
    is_pictographic(c) || matches!(c, '\u{fe0f}' | '\u{20e3}')
}

const fn is_han(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{2fdf}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_what_is_invisible() {
        for hidden in [
            "\u{200b}",
            "\u{3164}",
            "\u{feff}",
            "\u{202e}",
            "\u{202d}",
            "\u{2066}",
            "\u{200e}",
            "\u{200f}",
            "\u{61c}",
            "\u{ad}",
            "\u{34f}",
            "\u{2060}",
            "\u{115f}",
            "\u{1160}",
            "\u{ffa0}",
            "\u{2800}",
            "\u{fe0f}",
            "\u{e0041}",
            "\u{e0100}",
            "\u{200d}",
            "\u{200c}",
            "\u{180e}",
            "\u{fff9}",
            "\u{206a}",
        ] {
            for text in [
                format!("A{hidden}B"),
                format!("{hidden}AB"),
                format!(" AB{hidden} {hidden}"),
            ] {
                assert_eq!(clean_name(&text), "AB", "{text:?}");
                assert_eq!(clean_identifier(&text), "AB", "{text:?}");
            }
            assert_eq!(clean_name(hidden), "", "{hidden:?}");
            assert!(!has_visible(hidden), "{hidden:?}");
        }
    }

    #[test]
    fn a_name_keeps_what_its_script_and_its_emoji_need() {
        for name in [
            "می\u{200c}رود",
            "ක්\u{200d}ර",
            "क्\u{200d}ष",
            "House 👨\u{200d}👩\u{200d}👧",
            "👩🏽\u{200d}🚒",
            "❤\u{fe0f}",
            "❤\u{fe0f}\u{200d}🔥",
            "3\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "葛\u{e0100}城",
            "山田\u{3000}太郎",
            "نادر مَحْمُود",
        ] {
            assert_eq!(clean_name(name), name, "{name:?}");
        }
    }

    #[test]
    fn names_and_identifiers_are_nfc() {
        assert_eq!(clean_name("Jose\u{301}"), "José");
        assert_eq!(clean_identifier("B\u{301}\u{200b}10"), "B\u{301}10");
        assert_eq!(clean_identifier("E\u{200b}\u{301}"), "É");
        assert_eq!(clean_identifier(" A\u{a0} \u{3000}10 "), "A 10");
        assert_eq!(clean_identifier("A\n10"), "A\n10");
    }
}
