//! Records out of pieces of a file, in whatever encoding and with whatever separator spreadsheets write it.

use csv_core::{ReadRecordResult, ReaderBuilder};
use encoding_rs::{DecoderResult, Encoding, UTF_8};

/// A record and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub line: u64,
    pub cells: Vec<String>,
    /// Has bytes that are no text in the file's encoding.
    pub is_damaged: bool,
    /// What stands between the file's cells.
    pub separator: u8,
}

impl Record {
    /// A line of separators only, as spreadsheets write for empty rows.
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty()) && !self.is_damaged
    }

    /// Whether the comma can be the decimal sign in this file, since it separates nothing.
    pub fn has_decimal_comma(&self) -> bool {
        self.separator != b','
    }
}

/// Why a file can't be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    #[error(
        "the record that begins here is longer than 64 KiB or has more than 1024 cells; \
         if it should end earlier, look for a quote (\") without its second one"
    )]
    TooLong { line: u64 },
}

impl CsvError {
    pub fn line(self) -> u64 {
        let Self::TooLong { line } = self;
        line
    }
}

/// What to say of a record with bytes that are no text.
pub const NOT_TEXT: &str = "is not UTF-8; save the file as “CSV UTF-8” and send it again";

const MAX_RECORD: usize = 64 * 1024;
const MAX_CELLS: usize = 1_024;
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Counts lines, which end with CR, LF or both.
struct Lines {
    /// The present one, from 1.
    number: u64,
    after_cr: bool,
}

impl Lines {
    fn pass(&mut self, text: &[u8]) {
        for byte in text {
            if *byte == b'\r' || (*byte == b'\n' && !self.after_cr) {
                self.number += 1;
            }
            self.after_cr = *byte == b'\r';
        }
    }
}

/// Reads records out of pieces of a file: whatever the file's size, one record is in memory.
///
/// UTF-8, and UTF-16 with a byte order mark. Lines end with CR LF, LF or CR. The separator is the one of comma, semicolon
/// and tab that the first line has most of: where the comma is the decimal sign, spreadsheets write semicolons.
pub struct Reader {
    decoder: encoding_rs::Decoder,
    /// Decoded text on its way.
    decoded: Vec<u8>,
    /// The file's beginning, until the separator is known.
    head: Vec<u8>,
    core: Option<csv_core::Reader>,
    separator: u8,
    text: Vec<u8>,
    ends: Vec<usize>,
    text_length: usize,
    cells: usize,
    lines: Lines,
    /// Where the record begins that is being read.
    begins: u64,
    inside: bool,
    is_damaged: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self::with_encoding(UTF_8)
    }
}

impl Reader {
    /// For a file of this `charset`, if it is known. A byte order mark in the file goes before it.
    pub fn of_charset(charset: &str) -> Option<Self> {
        Encoding::for_label_no_replacement(charset.as_bytes()).map(Self::with_encoding)
    }

    fn with_encoding(encoding: &'static Encoding) -> Self {
        Self {
            decoder: encoding.new_decoder(),
            decoded: vec![0; 16 * 1024],
            head: Vec::new(),
            core: None,
            separator: b',',
            text: vec![0; MAX_RECORD],
            ends: vec![0; MAX_CELLS],
            text_length: 0,
            cells: 0,
            lines: Lines {
                number: 1,
                after_cr: false,
            },
            begins: 1,
            inside: false,
            is_damaged: false,
        }
    }

    /// Takes in a piece (an empty one ends the file) and hands every record that is complete to `each`.
    pub fn feed<E: From<CsvError>>(
        &mut self,
        piece: &[u8],
        mut each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut decoded = std::mem::take(&mut self.decoded);
        let fed = self.decode(piece, &mut decoded, &mut each);
        self.decoded = decoded;
        fed
    }

    fn decode<E: From<CsvError>>(
        &mut self,
        mut piece: &[u8],
        decoded: &mut [u8],
        each: &mut impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let is_end = piece.is_empty();
        loop {
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(piece, decoded, is_end);
            piece = &piece[read..];
            self.take(&decoded[..written], false, each)?;
            match result {
                DecoderResult::OutputFull => {}
                DecoderResult::InputEmpty if is_end => return self.take(&[], true, each),
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::Malformed(..) => {
                    self.is_damaged = true;
                    self.take("\u{fffd}".as_bytes(), false, each)?;
                }
            }
        }
    }

    /// Decoded text. Until the first line is whole it is only kept.
    fn take<E: From<CsvError>>(
        &mut self,
        text: &[u8],
        is_end: bool,
        each: &mut impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.core.is_some() {
            return self.records(text, is_end, each);
        }
        self.head.extend_from_slice(text);
        let blank = self.head.iter().take_while(|byte| is_line_end(**byte)).count();
        let line = first_line(&self.head[blank..]);
        if line.len() == self.head.len() - blank && self.head.len() < MAX_RECORD && !is_end {
            return Ok(());
        }
        let mut begin = 0;
        // What spreadsheets take as a word about the separator, and some write.
        match line {
            [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator] => {
                self.separator = *separator;
                begin = blank + line.len();
            }
            line => self.separator = separator_of(line),
        }
        self.core = Some(ReaderBuilder::new().delimiter(self.separator).build());
        let head = std::mem::take(&mut self.head);
        self.lines.pass(&head[..begin]);
        if begin < head.len() {
            self.records(&head[begin..], false, each)?;
        }
        if is_end {
            self.records(&[], true, each)?;
        }
        Ok(())
    }

    fn records<E: From<CsvError>>(
        &mut self,
        mut text: &[u8],
        is_end: bool,
        each: &mut impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        // To the parser, no text is the file's end.
        if text.is_empty() && !is_end {
            return Ok(());
        }
        loop {
            if !self.inside {
                // The end of the record before, and empty lines.
                let skipped = text.iter().take_while(|byte| is_line_end(**byte)).count();
                self.lines.pass(&text[..skipped]);
                text = &text[skipped..];
                self.inside = !text.is_empty();
                self.begins = self.lines.number;
                if text.is_empty() && !is_end {
                    return Ok(());
                }
            }
            let Some(core) = &mut self.core else { return Ok(()) };
            let (result, read, written, ends) =
                core.read_record(text, &mut self.text[self.text_length..], &mut self.ends[self.cells..]);
            self.lines.pass(&text[..read]);
            text = &text[read..];
            self.text_length += written;
            self.cells += ends;
            match result {
                ReadRecordResult::InputEmpty if !is_end => return Ok(()),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(CsvError::TooLong { line: self.begins }.into());
                }
                ReadRecordResult::Record => {
                    let record = self.record();
                    each(record)?;
                }
                ReadRecordResult::End => return Ok(()),
            }
        }
    }

    fn record(&mut self) -> Record {
        let mut cells = Vec::with_capacity(self.cells);
        let mut start = 0;
        for end in &self.ends[..self.cells] {
            // Decoded above, and cut at ASCII only, so nothing is replaced here.
            cells.push(String::from_utf8_lossy(&self.text[start..*end]).into_owned());
            start = *end;
        }
        self.inside = false;
        self.text_length = 0;
        self.cells = 0;
        Record {
            line: self.begins,
            cells,
            is_damaged: std::mem::take(&mut self.is_damaged),
            separator: self.separator,
        }
    }
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// What stands before the first line end outside quotes.
fn first_line(text: &[u8]) -> &[u8] {
    let mut quoted = false;
    let end = text.iter().position(|byte| {
        quoted ^= *byte == b'"';
        is_line_end(*byte) && !quoted
    });
    &text[..end.unwrap_or(text.len())]
}

fn separator_of(line: &[u8]) -> u8 {
    let mut counts = [0_usize; SEPARATORS.len()];
    let mut quoted = false;
    for byte in line {
        quoted ^= *byte == b'"';
        if let Some(place) = SEPARATORS
            .iter()
            .position(|separator| separator == byte)
            .filter(|_| !quoted)
        {
            counts[place] += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let place = counts.iter().position(|count| *count == most).unwrap_or(0);
    SEPARATORS[place]
}

#[cfg(test)]
mod tests;
