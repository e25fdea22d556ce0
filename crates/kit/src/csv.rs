//! CSV (RFC 4180), written so that no spreadsheet takes a cell for a formula, and read as it arrives.

use csv_core::ReadRecordResult;

/// Cells that begin so are taken for formulas by spreadsheets (OWASP, *CSV Injection*).
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

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
    if text.starts_with(FORMULA) {
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

/// What [`write_text`] put before a formula, taken off again.
pub fn plain(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(FORMULA) => rest,
        _ => cell,
    }
}

/// A record and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub line: u64,
    pub cells: Vec<String>,
}

/// Why a file can't be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    #[error("a cell is not UTF-8")]
    NotUtf8 { line: u64 },
    #[error("a record is longer than 64 KiB or has more than 100 cells")]
    TooLong { line: u64 },
}

impl CsvError {
    pub fn line(self) -> u64 {
        match self {
            Self::NotUtf8 { line } | Self::TooLong { line } => line,
        }
    }
}

const LONGEST_RECORD: usize = 64 * 1024;
const MOST_CELLS: usize = 100;

/// Reads records out of pieces of a file: whatever the file's size, one record is in memory.
pub struct Reader {
    core: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    text_length: usize,
    cells: usize,
    /// Where the record begins that is being read.
    line: u64,
    /// Line breaks since then.
    breaks: u64,
    inside: bool,
    begun: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            core: csv_core::Reader::new(),
            text: vec![0; LONGEST_RECORD],
            ends: vec![0; MOST_CELLS],
            text_length: 0,
            cells: 0,
            line: 1,
            breaks: 0,
            inside: false,
            begun: false,
        }
    }
}

impl Reader {
    /// Takes in a piece (an empty one ends the file) and hands every record that is complete to `each`.
    pub fn feed<E: From<CsvError>>(
        &mut self,
        mut piece: &[u8],
        mut each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.begun && !piece.is_empty() {
            self.begun = true;
            // What spreadsheets put before UTF-8.
            piece = piece.strip_prefix(b"\xef\xbb\xbf").unwrap_or(piece);
        }
        let ending = piece.is_empty();
        loop {
            if !self.inside {
                // The end of the record before, and empty lines.
                let lines = piece.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
                let skipped = lines.clone().count();
                self.line += lines.filter(|byte| **byte == b'\n').count() as u64;
                piece = &piece[skipped..];
                self.inside = !piece.is_empty();
                if piece.is_empty() && !ending {
                    return Ok(());
                }
            }
            let (result, read, written, ends) =
                self.core
                    .read_record(piece, &mut self.text[self.text_length..], &mut self.ends[self.cells..]);
            self.breaks += piece[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
            piece = &piece[read..];
            self.text_length += written;
            self.cells += ends;
            match result {
                ReadRecordResult::InputEmpty if !ending => return Ok(()),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(CsvError::TooLong { line: self.line }.into());
                }
                ReadRecordResult::Record => {
                    let record = self.take()?;
                    each(record)?;
                }
                ReadRecordResult::End => return Ok(()),
            }
        }
    }

    fn take(&mut self) -> Result<Record, CsvError> {
        let mut cells = Vec::with_capacity(self.cells);
        let mut start = 0;
        for end in &self.ends[..self.cells] {
            let cell =
                std::str::from_utf8(&self.text[start..*end]).map_err(|_| CsvError::NotUtf8 { line: self.line })?;
            cells.push(cell.to_owned());
            start = *end;
        }
        let record = Record { line: self.line, cells };
        self.line += std::mem::take(&mut self.breaks);
        self.inside = false;
        self.text_length = 0;
        self.cells = 0;
        Ok(record)
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

    fn records(pieces: &[&str]) -> Result<Vec<Record>, CsvError> {
        let mut reader = Reader::default();
        let mut found = Vec::new();
        for piece in pieces.iter().chain(&[""]) {
            reader.feed(piece.as_bytes(), |record| {
                found.push(record);
                Ok::<_, CsvError>(())
            })?;
        }
        Ok(found)
    }

    #[test]
    fn formulas_are_neutralised_and_numbers_are_left_alone() {
        assert_eq!(
            written(&[json!("=1+1"), json!("+20"), json!("-x"), json!("@a"), json!(-1)]),
            "'=1+1,'+20,'-x,'@a,-1\r\n"
        );
        assert_eq!(plain("'+2010"), "+2010");
        assert_eq!(plain("'quoted'"), "'quoted'");
    }

    #[test]
    fn commas_quotes_and_line_breaks_are_quoted() {
        assert_eq!(
            written(&[json!("a,b"), json!("say \"hi\""), json!(null), json!("x\ny")]),
            "\"a,b\",\"say \"\"hi\"\"\",,\"x\ny\"\r\n"
        );
    }

    #[test]
    fn records_come_out_whole_however_the_file_is_cut() {
        let whole = records(&["\u{feff}a,b\r\n1,\"x\ny\"\n\n2,é\n"]).unwrap();
        let lines: Vec<_> = whole
            .iter()
            .map(|record| (record.line, record.cells.join("|")))
            .collect();
        assert_eq!(
            lines,
            [(1, "a|b".to_owned()), (2, "1|x\ny".to_owned()), (5, "2|é".to_owned())]
        );
        let cut = records(&["\u{feff}a", ",b\r", "\n1,\"x\n", "y\"\n\n2,", "é"]).unwrap();
        assert_eq!(
            cut.iter().map(|r| &r.cells).collect::<Vec<_>>(),
            whole.iter().map(|r| &r.cells).collect::<Vec<_>>()
        );
    }

    #[test]
    fn endless_records_are_refused() {
        let long = "x".repeat(LONGEST_RECORD + 1);
        assert_eq!(records(&["a\n", &long]), Err(CsvError::TooLong { line: 2 }));
        assert!(records(&[&",".repeat(200)]).is_err());
    }
}
