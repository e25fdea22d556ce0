//! The lines of an import file: CSV with a header, or one JSON object a line.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};

use nexus_domain::user_import::Field;
use serde_json::{Map, Value};

use super::Format;
use crate::failure::Failure;

/// One line's fields as texts, or why it can't be read at all.
#[derive(Debug)]
pub struct Line {
    pub number: u64,
    pub fields: Result<Vec<(Field, String)>, String>,
}

type Reading = Box<dyn Iterator<Item = Result<Line, Failure>>>;

/// Names of columns that are not taken over; a header tells them at once, JSON as it comes.
#[derive(Default)]
pub struct Ignored(BTreeSet<String>);

impl Ignored {
    fn note(&mut self, name: &str) {
        if self.0.len() < 100 && self.0.insert(name.to_owned()) {
            eprintln!("`{name}` is not taken over");
        }
    }
}

/// No line of a person is longer, so what is longer is not such a file.
const LONGEST_LINE: usize = 64 * 1024;

pub fn read(input: impl Read + 'static, format: Format) -> Result<Reading, Failure> {
    match format {
        Format::Csv => csv_lines(input),
        Format::Jsonl => Ok(Box::new(json_lines(BufReader::new(input)))),
    }
}

fn csv_lines(input: impl Read + 'static) -> Result<Reading, Failure> {
    let mut reader = csv::Reader::from_reader(input);
    let headers = reader
        .headers()
        .map_err(|error| Failure::failed("the header can't be read", error))?;
    let mut ignored = Ignored::default();
    let columns: Vec<Option<Field>> = headers
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
    let mut ended = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let mut record = csv::StringRecord::new();
        let number = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => None,
            Ok(true) => Some(Ok(Line {
                number: record.position().map_or(number, csv::Position::line),
                fields: Ok(columns
                    .iter()
                    .zip(record.iter())
                    .filter_map(|(field, text)| field.map(|field| (field, text.to_owned())))
                    .collect()),
            })),
            Err(error) if error.is_io_error() => {
                ended = true;
                Some(Err(Failure::failed("the file can't be read", error)))
            }
            Err(error) => Some(Ok(Line {
                number: error.position().map_or(number, csv::Position::line),
                fields: Err(what_is_wrong(&error)),
            })),
        }
    })))
}

fn what_is_wrong(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} columns, not {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        _ => "is not CSV".to_owned(),
    }
}

fn json_lines(mut input: impl BufRead) -> impl Iterator<Item = Result<Line, Failure>> {
    let mut ignored = Ignored::default();
    let mut number = 0;
    std::iter::from_fn(move || {
        loop {
            let mut bytes = Vec::new();
            let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
            match (&mut input).take(most).read_until(b'\n', &mut bytes) {
                Err(error) => return Some(Err(Failure::failed("the file can't be read", error))),
                Ok(0) => return None,
                Ok(length) if length == LONGEST_LINE && !bytes.ends_with(b"\n") => {
                    return Some(Err(Failure::failed(
                        format!("line {}", number + 1),
                        "is longer than a person can be; is this one JSON object a line?",
                    )));
                }
                Ok(_) => number += 1,
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

    fn lines(text: &'static str, format: Format) -> Vec<Line> {
        read(text.as_bytes(), format)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn csv_is_read_by_its_header_and_a_broken_line_is_one_fault() {
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
    fn a_header_without_what_everybody_needs_is_refused_at_once() {
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
