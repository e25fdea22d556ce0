//! The lines of an import file: CSV with a header, or one JSON object per line.

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Read};

use nexus_domain::csv::{CsvError, Reader, Record};
use nexus_domain::user_import::Field;
use serde_json::{Map, Value};

use super::Format;
use crate::failure::Failure;

/// One line's fields as texts, or the reason why it is unreadable.
#[derive(Debug)]
pub struct Line {
    pub number: u64,
    pub fields: Result<Vec<(Field, String)>, String>,
}

type Reading = Box<dyn Iterator<Item = Result<Line, Failure>>>;

/// Names of unknown columns: complete after a CSV header, growing line by line for JSON.
#[derive(Default)]
pub struct Ignored(BTreeSet<String>);

impl Ignored {
    fn note(&mut self, name: &str) {
        if self.0.len() < 100 && self.0.insert(name.to_owned()) {
            eprintln!("the column `{name}` is ignored");
        }
    }
}

/// Bytes. No person's line is longer, so a longer one is not an import file's.
const MAX_LINE_BYTES: usize = 64 * 1024;

pub fn read(input: impl Read + 'static, format: Format) -> Result<Reading, Failure> {
    match format {
        Format::Csv => csv_lines(input),
        Format::Jsonl => Ok(Box::new(json_lines(BufReader::new(input)))),
    }
}

/// Bytes of the file that are read at once.
const PIECE: usize = 64 * 1024;

/// The records of a file, read one after the other.
struct Records<R> {
    input: R,
    reader: Reader,
    ready: VecDeque<Record>,
    piece: Vec<u8>,
    ended: bool,
}

impl<R: Read> Records<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            reader: Reader::default(),
            ready: VecDeque::new(),
            piece: vec![0; PIECE],
            ended: false,
        }
    }

    fn fill(&mut self) -> Result<(), Failure> {
        let unreadable = |error: std::io::Error| Failure::failed("the file can't be read", error);
        let length = loop {
            match self.input.read(&mut self.piece) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read.map_err(unreadable)?,
            }
        };
        self.ended = length == 0;
        let ready = &mut self.ready;
        self.reader
            .feed(&self.piece[..length], |record| {
                // Empty rows of a spreadsheet are skipped.
                if !record.is_blank() {
                    ready.push_back(record);
                }
                Ok(())
            })
            .map_err(|error: CsvError| Failure::failed(format!("line {}", error.line()), error))
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Record, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.ended {
            if let Err(failure) = self.fill() {
                self.ended = true;
                self.ready.clear();
                return Some(Err(failure));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

fn csv_lines(input: impl Read + 'static) -> Result<Reading, Failure> {
    let mut records = Records::new(input);
    let mut header = match records.next() {
        None => {
            return Err(Failure::failed(
                "the file",
                "is empty; its first line names the columns",
            ));
        }
        Some(record) => record?.cells,
    };
    while header.last().is_some_and(|name| name.trim().is_empty()) {
        header.pop();
    }
    let mut ignored = Ignored::default();
    let columns: Vec<Option<Field>> = header
        .iter()
        .map(|name| {
            let field = Field::named(name);
            if field.is_none() {
                ignored.note(name);
            }
            field
        })
        .collect();
    for field in [Field::Email, Field::Name, Field::PasswordHash] {
        if !columns.contains(&Some(field)) {
            return Err(Failure::failed(
                "the header",
                format!("there is no column `{}`", field.as_str()),
            ));
        }
    }
    Ok(Box::new(records.map(move |record| {
        record.map(|record| Line {
            number: record.line,
            fields: csv_fields(&columns, record),
        })
    })))
}

fn csv_fields(columns: &[Option<Field>], mut record: Record) -> Result<Vec<(Field, String)>, String> {
    if record.is_damaged {
        return Err("is not UTF-8".to_owned());
    }
    // Spreadsheets write empty fields beyond the last column.
    while record.cells.len() > columns.len() && record.cells.last().is_some_and(|cell| cell.trim().is_empty()) {
        record.cells.pop();
    }
    if record.cells.len() != columns.len() {
        return Err(format!("has {} columns, not {}", record.cells.len(), columns.len()));
    }
    let named = columns.iter().zip(record.cells);
    Ok(named
        .filter_map(|(field, text)| field.map(|field| (field, text)))
        .collect())
}

fn json_lines(mut input: impl BufRead) -> impl Iterator<Item = Result<Line, Failure>> {
    let mut ignored = Ignored::default();
    let mut number = 0;
    std::iter::from_fn(move || {
        loop {
            let mut bytes = Vec::new();
            let most = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
            match (&mut input).take(most).read_until(b'\n', &mut bytes) {
                Err(error) => return Some(Err(Failure::failed("the file can't be read", error))),
                Ok(0) => return None,
                Ok(length) if length == MAX_LINE_BYTES && !bytes.ends_with(b"\n") => {
                    return Some(Err(Failure::failed(
                        format!("line {}", number + 1),
                        "is longer than a person can be; is this one JSON object a line?",
                    )));
                }
                Ok(_) => number += 1,
            }
            if number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
                bytes.drain(..3);
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            return Some(Ok(Line {
                number,
                fields: json_fields(&bytes, &mut ignored),
            }));
        }
    })
}

fn json_fields(bytes: &[u8], ignored: &mut Ignored) -> Result<Vec<(Field, String)>, String> {
    let object: Map<String, Value> =
        serde_json::from_slice(bytes.trim_ascii()).map_err(|error| format!("is no JSON object: {error}"))?;
    let mut fields = Vec::new();
    for (name, value) in object {
        let Some(field) = Field::named(&name) else {
            ignored.note(&name);
            continue;
        };
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => return Err(format!("{name}: must be a text")),
        };
        fields.push((field, text));
    }
    Ok(fields)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn lines(text: impl AsRef<[u8]>, format: Format) -> Vec<Line> {
        read(std::io::Cursor::new(text.as_ref().to_vec()), format)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn csv_is_read_by_its_header_and_a_broken_line_is_one_error() {
        let text = "name,E-Mail,phone,password_hash\n\"Kos, Ana\",a@example.org,1,h\nBo\nCy,c@example.org,2,i\n";
        let found = lines(text, Format::Csv);
        assert_eq!(found.len(), 3);
        let first = found[0].fields.as_ref().unwrap();
        assert_eq!(first[0], (Field::Name, "Kos, Ana".to_owned()));
        assert_eq!(first.len(), 3);
        assert_eq!(found[1].number, 3);
        assert_eq!(found[1].fields, Err("has 1 columns, not 4".to_owned()));
        assert_eq!(found[2].number, 4);
    }

    #[test]
    fn a_line_is_named_as_an_editor_counts_it() {
        let text = "email,name,password_hash\n\na@example.org,\"A\nB\",h\nbad\n\n,,\n\nb@example.org,B,h,,\nworse\n";
        for ending in ["\n", "\r\n", "\r"] {
            let found = lines(text.replace('\n', ending), Format::Csv);
            let numbers: Vec<_> = found.iter().map(|line| (line.number, line.fields.is_ok())).collect();
            assert_eq!(numbers, [(3, true), (5, false), (9, true), (10, false)], "{ending:?}");
        }
    }

    #[test]
    fn files_of_spreadsheets_are_read() {
        let text = "email;name;password_hash;;\r\na@example.org;Ä;h;;\r\n";
        let with_mark = format!("\u{feff}{text}");
        let utf_16 = with_mark.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for file in [text.as_bytes().to_vec(), with_mark.into_bytes(), utf_16] {
            let found = lines(file, Format::Csv);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].fields.as_ref().unwrap()[1], (Field::Name, "Ä".to_owned()));
        }
        let damaged = lines(b"email,name,hash\na,\xff,h\nb,B,h\n", Format::Csv);
        assert_eq!(damaged[0].fields, Err("is not UTF-8".to_owned()));
        assert!(damaged[1].fields.is_ok());
    }

    #[test]
    fn a_header_without_a_required_column_is_refused() {
        assert!(read("email,name\n".as_bytes(), Format::Csv).is_err());
    }

    #[test]
    fn json_lines_take_texts_numbers_and_booleans() {
        let text = "{\"email\":\"a@example.org\",\"emailVerified\":true,\"id\":7}\n\n[]\n{\"name\":{}}\n";
        let found = lines(text, Format::Jsonl);
        assert_eq!(
            found[0].fields.as_ref().unwrap()[..],
            [
                (Field::Email, "a@example.org".to_owned()),
                (Field::EmailVerified, "true".to_owned())
            ]
        );
        assert_eq!((found[1].number, found[1].fields.is_err()), (3, true));
        assert_eq!(found[2].fields, Err("name: must be a text".to_owned()));
    }
}
