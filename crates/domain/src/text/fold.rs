//! The form in which text is searched and sorted.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

use super::digits::ascii_digit;
use super::is_invisible;

/// The class of signs that take a vowel away: without them a word has another one.
const VIRAMA: u8 = 9;
/// The class of the marks that make か into が: another letter, not an accent.
const KANA_VOICING: u8 = 8;
const TATWEEL: char = '\u{640}';

/// Text without what people leave out when they type it: compatibility forms (NFKD), accents and vowel points, case
/// (ß is ss, ς is σ), tatweel, what is invisible, white space but single spaces, and the script of digits.
///
/// Stored beside what it is of (`name_folded` and the like): a change of it needs a migration that folds again.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.nfkd() {
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        if is_left_out(c) {
            continue;
        }
        if gap && !folded.is_empty() {
            folded.push(' ');
        }
        gap = false;
        if c.is_ascii() {
            folded.push(c.to_ascii_lowercase());
        } else {
            push_folded(&mut folded, ascii_digit(c));
        }
    }
    folded
}

/// Folded text for an index of words: letters of scripts that put no spaces between words are words each.
pub fn search_words(text: &str) -> String {
    let folded = fold(text);
    if folded.is_ascii() {
        return folded;
    }
    let mut words = String::with_capacity(folded.len() * 2);
    let mut alone = false;
    for c in folded.chars() {
        // Vowel signs and voicing marks stay with their letter.
        let is_mark = is_combining_mark(c);
        if !is_mark {
            let is_word = is_unspaced(c);
            if (alone || is_word) && !words.is_empty() && !words.ends_with(' ') && c != ' ' {
                words.push(' ');
            }
            alone = is_word;
        }
        words.push(c);
    }
    words
}

/// Han, kana, and the scripts of South-East Asia.
const fn is_unspaced(c: char) -> bool {
    matches!(
        c,
        '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3041}'..='\u{30ff}'
            | '\u{3400}'..='\u{9fff}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

fn is_left_out(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || c == TATWEEL
        || is_invisible(c)
        || matches!(c, '\u{488}'..='\u{489}' | '\u{20dd}'..='\u{20e0}' | '\u{20e2}'..='\u{20e4}')
        || !matches!(canonical_combining_class(c), 0 | VIRAMA | KANA_VOICING)
}

/// To upper case and back joins what only case folding does: ß and SS, ς and σ, ı and I. First to lower case, for ẞ.
fn push_folded(folded: &mut String, c: char) {
    let lower_and_upper = c.to_lowercase().flat_map(char::to_uppercase);
    for c in lower_and_upper.flat_map(char::to_lowercase).nfkd() {
        match c {
            _ if is_left_out(c) => {}
            // Letters with a stroke have no decomposition, but are typed without it.
            'đ' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ł' => folded.push('l'),
            'ø' => folded.push('o'),
            'ŧ' => folded.push('t'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            c => folded.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_found_however_it_is_typed() {
        for (stored, typed) in [
            ("Élodie", "elodie"),
            ("Szabó", "SZABO"),
            ("Jose\u{301}", "josé"),
            ("Åsa", "asa"),
            ("Nguyễn Thị Đào", "nguyen thi dao"),
            ("Işık İNCİ", "ışık inci"),
            ("Straße", "STRASSE"),
            ("GROẞ", "groß"),
            ("Łódź", "lodz"),
            ("Søren Ægir", "soren aegir"),
            ("Иван", "иван"),
            ("Семён", "СЕМЕН"),
            ("Γιώργος", "ΓΙΩΡΓΟΣ"),
            ("مُحَمَّدٌ", "محمد"),
            ("محـــمد", "محمد"),
            ("أحمد", "احمد"),
            ("שָׁלוֹם", "שלום"),
            ("क़लम", "कलम"),
            ("สมชาย ที่", "สมชาย ที"),
            ("한국", "한국"),
            ("Ｔｏｋｙｏ　１２", "tokyo 12"),
            ("ﬁnance", "FINANCE"),
            ("شقة ١٢", "شقة 12"),
            ("می\u{200c}رود", "میرود"),
            ("A10\u{200b}", "a10"),
            ("a \u{a0} b\n", " A B"),
        ] {
            assert_eq!(fold(stored), fold(typed), "{stored}");
        }
    }

    #[test]
    fn letters_of_scripts_without_spaces_are_words() {
        assert_eq!(search_words("Rent 東京都の家賃!"), "rent 東 京 都 の 家 賃 !");
        assert_eq!(search_words("がbc"), "か\u{3099} bc");
        assert_eq!(
            search_words("สวัสดี ab"),
            fold("สวัสดี").chars().fold(String::new(), |mut words, c| {
                if !words.is_empty() && !is_combining_mark(c) {
                    words.push(' ');
                }
                words.push(c);
                words
            }) + " ab"
        );
        assert_eq!(search_words("Élodie, Straße"), "elodie, strasse");
    }

    #[test]
    fn different_letters_stay_different() {
        for (one, other) in [
            ("かき", "かぎ"),
            ("की", "का"),
            ("क्त", "कत"),
            ("ö", "u"),
            ("A1", "A 1"),
            ("東", "京"),
        ] {
            assert_ne!(fold(one), fold(other), "{one}");
        }
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
