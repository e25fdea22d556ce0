//! The decimal digits of all scripts.

use unicode_normalization::UnicodeNormalization;

use super::is_invisible;

/// The zeros of Unicode's decimal digits (general category Nd). The other nine follow each of them, by a stability policy.
const ZEROS: [u32; 70] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620,
    0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136,
    0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0,
    0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0,
    0x1E4F0, 0x1E950, 0x1FBF0,
];

/// The ASCII digit of the same value; other characters as they are.
pub(super) fn ascii_digit(c: char) -> char {
    let code = u32::from(c);
    let zero = match ZEROS.partition_point(|zero| *zero <= code) {
        0 => return c,
        place => ZEROS[place - 1],
    };
    char::from_digit(code - zero, 10).unwrap_or(c)
}

/// A code as somebody typed it or pasted it: compatibility forms and digits as ASCII, without blanks, dashes and what is
/// invisible.
pub fn typed_code(text: &str) -> String {
    text.nfkc()
        .map(ascii_digit)
        .filter(|c| !c.is_whitespace() && !is_invisible(*c) && !matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_ascii_digits(text: &str) -> String {
        text.chars().map(ascii_digit).collect()
    }

    #[test]
    fn digits_of_all_scripts_have_their_values() {
        assert_eq!(with_ascii_digits("٠١٢٣٤٥٦٧٨٩"), "0123456789");
        assert_eq!(with_ascii_digits("۰۱۲۳۴۵۶۷۸۹"), "0123456789");
        assert_eq!(with_ascii_digits("०१२३४५६७८९ ๐๑๒ ０１２ 𝟘𝟙𝟚"), "0123456789 012 012 012");
        assert_eq!(with_ascii_digits("A-1½²⅓Ⅳ一"), "A-1½²⅓Ⅳ一");
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            for value in 0..10 {
                let c = char::from_u32(zero + value).unwrap();
                assert!(
                    c.is_numeric() && ascii_digit(c) == char::from_digit(value, 10).unwrap(),
                    "{c}"
                );
            }
        }
    }
}
