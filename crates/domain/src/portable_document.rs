//! PDF as a file: whether all of it is there.

use crate::picture::Damage;

/// A PDF ends with `%%EOF` (ISO 32000-1 §7.5.5). What real files have besides is taken: bytes of a mail or a form after
/// the end, no newline, a table at a wrong place, which every reader mends. Refused is what shows that bytes are missing:
/// objects after the last end, a table that would lie after the file's end, a length that the file doesn't reach.
pub fn check(bytes: &[u8]) -> Result<(), Damage> {
    let end = rfind(bytes, b"%%EOF").ok_or(Damage::Truncated)?;
    let after = &bytes[end..];
    // A file that can be shown while it loads has one end near its beginning, and a changed one several.
    if [&b" 0 obj"[..], b"endobj", b"endstream", b"startxref"]
        .iter()
        .any(|word| find(after, word).is_some())
    {
        return Err(Damage::Truncated);
    }
    let table = rfind(&bytes[..end], b"startxref").and_then(|at| number(&bytes[at + 9..end]));
    if table.is_some_and(|at| at >= bytes.len()) || linearized_length(bytes).is_some_and(|length| length > bytes.len())
    {
        return Err(Damage::Truncated);
    }
    Ok(())
}

/// §F.3.3: the first object of a file that can be shown while it loads says how long the file is, as `/L`.
fn linearized_length(bytes: &[u8]) -> Option<usize> {
    let begin = &bytes[..bytes.len().min(1024)];
    let object = &begin[find(begin, b"/Linearized")?..];
    let object = &object[..find(object, b">>")?];
    let at = object
        .windows(3)
        .position(|window| window.starts_with(b"/L") && !window[2].is_ascii_alphabetic())?;
    number(&object[at + 2..])
}

/// The whole number after white space.
fn number(bytes: &[u8]) -> Option<usize> {
    let text = bytes.trim_ascii_start();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

fn rfind(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::rfind(bytes, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\nxref\n0 2\ntrailer\n<< /Root 1 0 R >>\nstartxref\n46\n%%EOF\n";

    #[test]
    fn a_whole_file_is_taken_whatever_follows_it() {
        for after in ["", "\r\n\r\n", "\0\0\0\0", "--boundary--\r\n", "<html>sent by</html>"] {
            assert_eq!(check(format!("{WHOLE}{after}").as_bytes()), Ok(()), "{after:?}");
        }
        assert_eq!(check(WHOLE.trim_end().as_bytes()), Ok(()), "without a last newline");
        let changed = format!("{WHOLE}2 0 obj\n<<>>\nendobj\nxref\nstartxref\n130\n%%EOF\n");
        assert_eq!(check(changed.as_bytes()), Ok(()), "changed once");
        assert_eq!(check(b"%PDF-1.7\n%%EOF\n"), Ok(()), "nothing is missing of nothing");
    }

    #[test]
    fn a_file_is_truncated_wherever_it_is_cut() {
        for kept in 9..WHOLE.len() - 1 {
            assert_eq!(check(&WHOLE.as_bytes()[..kept]), Err(Damage::Truncated), "{kept}");
        }
    }

    #[test]
    fn an_end_before_the_last_object_is_none() {
        let changed = format!("{WHOLE}2 0 obj\n<< /Length 5 >>\nstream\nab");
        assert_eq!(check(changed.as_bytes()), Err(Damage::Truncated));
        let linearized = format!("%PDF-1.4\n1 0 obj\n<< /Linearized 1 /L 9000 /H [ 1 2 ] /O 3 >>\nendobj\n{WHOLE}");
        assert_eq!(check(linearized.as_bytes()), Err(Damage::Truncated));
        let whole = linearized.replace("/L 9000", "/L 150");
        assert_eq!(check(whole.as_bytes()), Ok(()));
        let beyond = WHOLE.replace("\n46\n", "\n4600\n");
        assert_eq!(check(beyond.as_bytes()), Err(Damage::Truncated));
    }
}
