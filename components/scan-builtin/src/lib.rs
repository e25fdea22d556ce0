//! The scanner that is bound to `nexus:documents/scanner` unless `spin.toml` says another. It knows no viruses; it
//! refuses what no identity paper has: PDF files that run something when they are opened, and the test file by which
//! anti-virus software is tried (EICAR), so that an operator can see the hook work.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod guest;

/// Names by which a PDF asks its reader to run something: JavaScript (ISO 32000-1 §12.6.4.16) and programs (§12.6.4.5).
/// Inside a compressed stream they aren't seen; a scanner that unpacks is another component.
const RUNNING: [&str; 2] = ["JavaScript", "Launch"];

/// Built from two halves, or this very program would be found by what looks for it.
const EICAR: [&[u8]; 2] = [
    b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR",
    b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
];

/// Why a document is refused, if it is.
pub fn refusal(content_type: &str, content: &[u8]) -> Option<&'static str> {
    if contains(content, &EICAR.concat()) {
        return Some("is the EICAR test file");
    }
    (content_type == "application/pdf" && runs_something(content))
        .then_some("runs something when it is opened; print it to a new PDF and hand that in")
}

fn contains(content: &[u8], wanted: &[u8]) -> bool {
    content.windows(wanted.len()).any(|window| window == wanted)
}

/// Looks for the names as they are written after a slash, with `#xx` for any character (§7.3.5).
fn runs_something(content: &[u8]) -> bool {
    content
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .any(|(at, _)| RUNNING.iter().any(|name| is_name(&content[at + 1..], name)))
}

fn is_name(mut written: &[u8], name: &str) -> bool {
    for wanted in name.bytes() {
        let (byte, rest) = match written {
            [b'#', high, low, rest @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, rest),
                _ => return false,
            },
            [byte, rest @ ..] => (*byte, rest),
            [] => return false,
        };
        if byte != wanted {
            return false;
        }
        written = rest;
    }
    // A longer name is another name.
    !written
        .first()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'#' | b'_' | b'-'))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PDF: &str = "application/pdf";

    #[test]
    fn an_ordinary_paper_is_clean() {
        assert_eq!(refusal(PDF, b"%PDF-1.7 /Type /Catalog /OpenAction [3 0 R /Fit]"), None);
        assert_eq!(refusal(PDF, b"%PDF-1.7 /LaunchPad /JavaScripts"), None);
        assert_eq!(
            refusal("image/png", b"\x89PNG /JavaScript"),
            None,
            "nothing runs a picture"
        );
    }

    #[test]
    fn a_pdf_that_runs_something_is_refused_however_it_is_spelled() {
        for content in [
            &b"%PDF-1.7 << /S /JavaScript /JS (app.alert(1)) >>"[..],
            b"%PDF-1.7 << /S /Java#53cript >>",
            b"%PDF-1.7 << /S/#4caunch/F (x.exe) >>",
            b"%PDF-1.7 /Launch",
        ] {
            assert!(refusal(PDF, content).is_some(), "{}", String::from_utf8_lossy(content));
        }
    }

    #[test]
    fn the_test_file_is_refused_whatever_it_hides_in() {
        let hidden = [&b"%PDF-1.7\n%"[..], &EICAR.concat(), b"\n"].concat();
        assert!(refusal(PDF, &hidden).is_some());
        assert!(refusal("image/jpeg", &hidden).is_some());
        assert_eq!(refusal(PDF, EICAR[0]), None);
    }
}
