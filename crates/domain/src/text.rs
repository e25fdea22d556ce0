//! One way of treating text, for every field: what a name may consist of, when two texts are the same, and how text is
//! searched and sorted.

mod digits;
mod direction;
mod fold;
mod invisible;

use unicode_normalization::UnicodeNormalization;

pub use digits::typed_code;
pub use direction::without_overrides;
pub use fold::{fold, search_words};
pub use invisible::{clean_identifier, clean_name, has_visible, is_invisible};

/// Whether a character may stand in the name of a file: what turns the direction of writing makes `exe.pdf` of `fdp.exe`.
/// The marks U+200E and U+200F, usual in Arabic names, don't.
pub fn is_shown_in_a_file_name(c: char) -> bool {
    !leaves_the_line(c) && !direction::controls_direction(c)
}

/// The text in the form in which all text is stored (NFC), for comparing with it.
pub fn nfc(text: &str) -> String {
    text.nfc().collect()
}

/// Whether a text has more than one line, or a character that controls a terminal.
pub(crate) fn leaves_the_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use crate::Invalid;
    use crate::chat::ChatName;
    use crate::company::{CompanyName, LetterheadLine};
    use crate::invoice::{LineDescription, Reference};
    use crate::maintenance::{Description, Title};
    use crate::occupancy::Reason;
    use crate::passkey::PasskeyName;
    use crate::person_name::PersonName;
    use crate::premises::{AddressPart, ApartmentNumber, CompoundName};
    use crate::tenant::{FullName, NationalId};

    type Read = fn(&str) -> Result<String, Invalid>;

    fn read<T: std::str::FromStr<Err = Invalid> + ToString>(text: &str) -> Result<String, Invalid> {
        text.parse::<T>().map(|value| value.to_string())
    }

    const NAMES: [(&str, Read); 13] = [
        ("PersonName", read::<PersonName>),
        ("ChatName", |text| {
            ChatName::try_from(text.to_owned()).map(|name| name.as_str().to_owned())
        }),
        ("CompanyName", read::<CompanyName>),
        ("LetterheadLine", read::<LetterheadLine>),
        ("LineDescription", read::<LineDescription>),
        ("Reference", read::<Reference>),
        ("Title", read::<Title>),
        ("PasskeyName", read::<PasskeyName>),
        ("AddressPart", read::<AddressPart>),
        ("ApartmentNumber", read::<ApartmentNumber>),
        ("CompoundName", read::<CompoundName>),
        ("FullName", read::<FullName>),
        ("NationalId", read::<NationalId>),
    ];

    #[test]
    fn every_name_and_identifier_loses_what_is_invisible_and_none_is_blank() {
        for (name, read) in NAMES {
            for hidden in [
                "\u{200b}", "\u{3164}", "\u{feff}", "\u{202e}", "\u{2067}", "\u{200e}", "\u{ad}", "\u{2800}",
                "\u{ffa0}",
            ] {
                assert_eq!(
                    read(&format!("A{hidden}102{hidden}")).as_deref(),
                    Ok("A102"),
                    "{name} {hidden:?}"
                );
                assert!(
                    read(hidden).is_err() && read(&hidden.repeat(9)).is_err(),
                    "{name} {hidden:?}"
                );
            }
            assert_eq!(read("E\u{301}102").as_deref(), Ok("É102"), "{name}");
            for broken in ["A1\n02", "A1\u{2028}02", "A1\u{85}02"] {
                assert!(read(broken).is_err(), "{name} {broken:?}");
            }
        }
    }

    #[test]
    fn text_of_several_lines_loses_what_turns_its_direction_only() {
        for read in [read::<Description> as Read, read::<Reason>] {
            assert_eq!(
                read(" a\u{202e}b\n\u{2067}c\u{200f}\u{200b}d ").as_deref(),
                Ok("ab\nc\u{200f}\u{200b}d")
            );
            assert_eq!(
                read("\u{2067}שלום\u{2069} 12").as_deref(),
                Ok("\u{2067}שלום\u{2069} 12")
            );
            assert!(read("\u{3164} \u{200b}").is_err());
        }
    }
}
