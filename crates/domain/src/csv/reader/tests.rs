use super::*;

fn read(pieces: &[&[u8]]) -> Result<Vec<Record>, CsvError> {
    let mut reader = Reader::default();
    let mut found = Vec::new();
    for piece in pieces.iter().chain(&[&b""[..]]) {
        reader.feed(piece, |record| {
            found.push(record);
            Ok::<_, CsvError>(())
        })?;
    }
    Ok(found)
}

fn shown(records: &[Record]) -> Vec<(u64, String)> {
    records
        .iter()
        .map(|record| (record.line, record.cells.join("|")))
        .collect()
}

/// The same, whole, cut at every place, and byte by byte.
fn read_however_cut(file: &[u8]) -> Vec<(u64, String)> {
    let whole = shown(&read(&[file]).unwrap());
    for at in 1..file.len() {
        assert_eq!(shown(&read(&[&file[..at], &file[at..]]).unwrap()), whole, "cut at {at}");
    }
    let bytes: Vec<&[u8]> = file.chunks(1).collect();
    assert_eq!(shown(&read(&bytes).unwrap()), whole);
    whole
}

fn lines(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected
        .iter()
        .map(|(line, text)| (*line, (*text).to_owned()))
        .collect()
}

const EXPECTED: [(u64, &str); 3] = [(1, "a|b"), (2, "1|x\ny"), (5, "2|é")];

#[test]
fn records_come_out_whole_however_the_file_is_cut() {
    assert_eq!(
        read_however_cut("a,b\r\n1,\"x\ny\"\n\n2,é\n".as_bytes()),
        lines(&EXPECTED)
    );
}

#[test]
fn lines_end_with_cr_lf_or_both_and_are_counted_alike() {
    let file = "a,b\n\n1,\"x\ny\"\n2,z\n\n\n3,w";
    let expected = lines(&[(1, "a|b"), (3, "1|x\ny"), (5, "2|z"), (8, "3|w")]);
    assert_eq!(read_however_cut(file.as_bytes()), expected);
    for ending in ["\r", "\r\n"] {
        let found = read_however_cut(file.replace('\n', ending).as_bytes());
        assert_eq!(
            found,
            expected
                .iter()
                .map(|(line, text)| (*line, text.replace('\n', ending)))
                .collect::<Vec<_>>()
        );
    }
    let stray = read_however_cut(b"a,b\n1,x\r,y\n2,z\n");
    assert_eq!(stray, lines(&[(1, "a|b"), (2, "1|x"), (3, "|y"), (4, "2|z")]));
}

#[test]
fn utf_8_and_utf_16_are_known_by_their_byte_order_marks() {
    let text = "\u{feff}a,b\r\n1,\"x\ny\"\n\n2,é\n";
    assert_eq!(read_however_cut(text.as_bytes()), lines(&EXPECTED));
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_however_cut(&little), lines(&EXPECTED));
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(read_however_cut(&big), lines(&EXPECTED));
}

#[test]
fn a_charset_that_was_declared_is_read() {
    assert!(Reader::of_charset("utf-16").is_some() && Reader::of_charset("klingon").is_none());
    let mut reader = Reader::of_charset("ISO-8859-1").unwrap();
    let mut found = Vec::new();
    for piece in [&b"name\nRen\xe9e\n"[..], b""] {
        reader
            .feed(piece, |record| {
                found.push(record);
                Ok::<_, CsvError>(())
            })
            .unwrap();
    }
    assert_eq!(shown(&found), lines(&[(1, "name"), (2, "Renée")]));
}

#[test]
fn the_separator_is_the_one_that_the_first_line_has_most_of() {
    let semicolons = read_however_cut(b"\"a,b\";c\n1,5;2\n");
    assert_eq!(semicolons, lines(&[(1, "a,b|c"), (2, "1,5|2")]));
    assert_eq!(
        read_however_cut(b"a\tb;c\td\n1\t2\t3\n"),
        lines(&[(1, "a|b;c|d"), (2, "1|2|3")])
    );
    assert_eq!(
        read_however_cut(b"sep=;\r\na;b\r\n1,2;3\r\n"),
        lines(&[(2, "a|b"), (3, "1,2|3")])
    );
    assert_eq!(read_however_cut(b"a\n1;2\n"), lines(&[(1, "a"), (2, "1;2")]));
    assert_eq!(read_however_cut(b"\n\na;b\n"), lines(&[(3, "a|b")]));
    assert_eq!(read(&[b""]).unwrap(), []);
    assert_eq!(read(&[b"\r\n\n"]).unwrap(), []);
}

#[test]
fn a_record_that_is_no_text_is_marked_and_those_around_it_are_read() {
    let found = read(&[b"a,b\n1,\xff\xfe\n2,x\n3,\xc3"]).unwrap();
    let damaged: Vec<_> = found.iter().map(|record| (record.line, record.is_damaged)).collect();
    assert_eq!(damaged, [(1, false), (2, true), (3, false), (4, true)]);
}

#[test]
fn empty_rows_of_a_spreadsheet_are_known() {
    let found = read(&[b"a,b\n,,,\n , \n1,\n"]).unwrap();
    assert_eq!(
        found.iter().map(Record::is_blank).collect::<Vec<_>>(),
        [false, true, true, false]
    );
}

#[test]
fn endless_records_are_refused() {
    let long = "x".repeat(MAX_RECORD + 1);
    assert_eq!(read(&[b"a\n", long.as_bytes()]), Err(CsvError::TooLong { line: 2 }));
    assert!(read(&[",".repeat(2 * MAX_CELLS).as_bytes()]).is_err());
    assert_eq!(
        read(&[b"a,b\n1,\"", long.as_bytes()]),
        Err(CsvError::TooLong { line: 2 })
    );
    assert!(
        read(&[long.as_bytes(), long.as_bytes()]).is_err(),
        "of a first line too"
    );
}
