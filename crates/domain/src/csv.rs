//! CSV (RFC 4180), written so that no spreadsheet takes a cell for a formula, and read as it arrives.

mod reader;

pub use reader::{CsvError, NOT_TEXT, Reader, Record};

/// Cells that begin so are taken for formulas by spreadsheets (OWASP, *CSV Injection*).
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// Whether a cell is written with a quote before it: what begins a formula, and what looks as if it had been written
/// so. Thus [`plain`] gives back any text as it was.
fn is_neutralised(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

/// Appends one record.
pub fn write_record<'a>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a serde_json::Value>) {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        match cell {
            serde_json::Value::Null => {}
            serde_json::Value::String(text) => write_text(out, text),
            // Numbers are ours and no formulas; lists and objects are written as JSON.
            number @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => {
                out.extend(number.to_string().bytes())
            }
            nested => write_text(out, &nested.to_string()),
        }
    }
    out.extend(b"\r\n");
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    let quoted = text.contains(['"', ',', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ');
    if quoted {
        out.push(b'"');
    }
    if is_neutralised(text) {
        out.push(b'\'');
    }
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    if quoted {
        out.push(b'"');
    }
}

/// What [`write_record`] put before a cell, taken off again.
pub fn plain(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_neutralised(rest) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(cells: &[serde_json::Value]) -> String {
        let mut out = Vec::new();
        write_record(&mut out, cells);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn formulas_are_neutralised_and_numbers_are_left_alone() {
        assert_eq!(
            written(&[json!("=1+1"), json!("+20"), json!("-x"), json!("@a"), json!(-1)]),
            "'=1+1,'+20,'-x,'@a,-1\r\n"
        );
    }

    #[test]
    fn a_neutralised_cell_is_read_back_as_it_was() {
        for text in [
            "=1+1", "'=1+1", "''+20", "-x", "@a", "'quoted'", "'", "''", "O'Neil", "'tis", "\tx", "plain", "",
        ] {
            let line = written(&[json!(text), json!("end")]);
            let mut reader = Reader::default();
            let mut cells = Vec::new();
            for piece in [line.as_bytes(), b""] {
                reader
                    .feed(piece, |record| {
                        cells.extend(record.cells);
                        Ok::<_, CsvError>(())
                    })
                    .unwrap();
            }
            assert_eq!(plain(&cells[0]), text);
        }
    }

    #[test]
    fn commas_quotes_and_line_breaks_are_quoted() {
        assert_eq!(
            written(&[json!("a,b"), json!("say \"hi\""), json!(null), json!("x\ny")]),
            "\"a,b\",\"say \"\"hi\"\"\",,\"x\ny\"\r\n"
        );
    }
}
