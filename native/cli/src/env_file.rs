//! Reads a file of settings, one `NAME=value` per line. The format, also described in docs/operations.md:
//!
//! - UTF-8, with or without a byte order mark; lines end with LF or CRLF.
//! - Empty lines, and lines that begin with `#`, are ignored.
//! - `NAME=value` or `export NAME=value`; a name has letters, digits and `_`. Blanks around name and value are ignored.
//! - A plain value ends at the end of its line, or at a `#` after a blank. It is literal: `$`, `\` and quotes within it have
//!   no meaning.
//! - A value in `'…'` is literal. In `"…"`, the escapes are `\"`, `\\`, `\$`, `\n`, `\r` and `\t`; `$NAME` is not replaced.
//! - Of several lines with one name, the last one counts.
//!
//! No message contains a value: most values are secrets.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes; far more than all settings together.
const MAX_SIZE: u64 = 1 << 20;

/// A value and its line.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub value: String,
    pub line: usize,
}

pub type Entries = BTreeMap<String, Entry>;

/// Reads the file; the error names the file, the line and the setting.
pub fn read(path: &Path) -> Result<Entries, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("{shown}: {error}"))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(format!("{shown}: is larger than {} KiB", MAX_SIZE >> 10));
    }
    parse(&bytes).map_err(|(line, problem)| match line {
        0 => format!("{shown}: {problem}"),
        line => format!("{shown}:{line}: {problem}"),
    })
}

/// A problem and its line. Line 0 is the whole file.
type Wrong = (usize, String);

fn parse(bytes: &[u8]) -> Result<Entries, Wrong> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err((0, "is UTF-16; save it as UTF-8".to_owned()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut entries = Entries::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = std::str::from_utf8(line).map_err(|_| (number, "is not UTF-8".to_owned()))?;
        if let Some((name, value)) = parse_line(line).map_err(|problem| (number, problem))? {
            entries.insert(name.to_owned(), Entry { value, line: number });
        }
    }
    Ok(entries)
}

fn parse_line(line: &str) -> Result<Option<(&str, String)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let exported = line.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    // Without `=` the whole line may be a secret, so none of it is shown.
    let (name, value) = exported
        .unwrap_or(line)
        .split_once('=')
        .ok_or("is not NAME=value; a comment begins with #")?;
    let name = name.trim();
    if !is_name(name) {
        return Err("has no name of letters, digits and _ before its `=`".to_owned());
    }
    let value = parse_value(value.trim()).map_err(|problem| format!("{name}: {problem}"))?;
    if value
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Err(format!("{name}: contains a control character"));
    }
    Ok(Some((name, value)))
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

fn parse_value(text: &str) -> Result<String, &'static str> {
    let (value, rest) = match text.chars().next() {
        Some('\'') => {
            let (value, rest) = text[1..]
                .split_once('\'')
                .ok_or("the quote ' has no end on this line")?;
            (value.to_owned(), rest)
        }
        Some('"') => parse_quoted(&text[1..])?,
        // `A=#…` and `A= # …` are empty values with a comment.
        Some('#') => return Ok(String::new()),
        _ => return Ok(plain(text).to_owned()),
    };
    match rest.trim_start() {
        "" => Ok(value),
        comment if comment.starts_with('#') && comment.len() < rest.len() => Ok(value),
        _ => Err("something follows the closing quote"),
    }
}

fn plain(text: &str) -> &str {
    let comment = text
        .char_indices()
        .find(|(at, c)| *c == '#' && text[..*at].ends_with([' ', '\t']))
        .map_or(text.len(), |(at, _)| at);
    text[..comment].trim_end()
}

/// Returns the value up to the closing quote, and the rest of the line.
fn parse_quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match rest.next().map(|(_, escaped)| escaped) {
                Some(same @ ('"' | '\\' | '$')) => value.push(same),
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                _ => return Err("within \"…\" a \\ stands before one of \" \\ $ n r t; write \\\\, or quote with '…'"),
            },
            c => value.push(c),
        }
    }
    Err("the quote \" has no end on this line")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> String {
        let entries = parse(line.as_bytes()).unwrap();
        entries["A"].value.clone()
    }

    #[test]
    fn a_plain_value_is_literal() {
        for (line, expected) in [
            ("A=b", "b"),
            ("  A = b c  ", "b c"),
            ("export A=b", "b"),
            ("A=", ""),
            ("A= # nothing", ""),
            ("A=#", ""),
            ("A=p$HOME${B}$", "p$HOME${B}$"),
            (r#"A=a"b'c\n"#, r#"a"b'c\n"#),
            ("A=a#b", "a#b"),
            ("A=a #b", "a"),
            ("A=127.0.0.0/8, ::1", "127.0.0.0/8, ::1"),
            ("A=x=y==", "x=y=="),
            ("A=b\r\n", "b"),
            ("A=first\nA=last", "last"),
        ] {
            assert_eq!(value(line), expected, "{line}");
        }
    }

    #[test]
    fn quotes_keep_what_is_between_them() {
        for (line, expected) in [
            ("A='a #b$c\\' # why", "a #b$c\\"),
            (r#"A="a #b $c \"d\" \\ \$e""#, r#"a #b $c "d" \ $e"#),
            (r#"A="a\nb" "#, "a\nb"),
            ("A=''", ""),
        ] {
            assert_eq!(value(line), expected, "{line}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_comments_are_ignored() {
        let entries = parse("\u{feff}A=1\r\n\r\n# B=2\n  #\nC=3".as_bytes()).unwrap();
        let found: Vec<_> = entries
            .iter()
            .map(|(name, entry)| (name.as_str(), entry.line))
            .collect();
        assert_eq!(found, [("A", 1), ("C", 5)]);
    }

    #[test]
    fn an_error_names_line_and_setting_and_never_the_value() {
        for (text, line, named) in [
            ("\nA='hunter2", 2, "A: the quote"),
            ("A=\"hunter2", 1, "A: the quote"),
            ("A=\"hunter2\"x", 1, "A: something follows"),
            ("A='hunter2'#x", 1, "A: something follows"),
            ("A=\"hunter2\\d\"", 1, "A: within"),
            ("A=hunter2\u{7}", 1, "A: contains a control character"),
            ("hunter2", 1, "is not NAME=value"),
            ("hunter-2=x", 1, "has no name"),
            ("=hunter2", 1, "has no name"),
            ("2A=hunter2", 1, "has no name"),
        ] {
            let (at, problem) = parse(text.as_bytes()).unwrap_err();
            assert_eq!(at, line, "{text}");
            assert!(
                problem.starts_with(named) && !problem.contains("hunter"),
                "{text}: {problem}"
            );
        }
        assert_eq!(parse(b"A=1\nB=\xff\n").unwrap_err(), (2, "is not UTF-8".to_owned()));
        assert!(parse(b"\xff\xfeA\0=\0").unwrap_err().1.contains("UTF-16"));
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join("none")).unwrap_err().contains("none: "));
        assert!(read(folder.path()).is_err());
        let file = folder.path().join("env");
        std::fs::write(&file, "A='b").unwrap();
        assert!(read(&file).unwrap_err().contains("env:1: A: "));
    }
}
