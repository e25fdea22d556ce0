//! Forms (`multipart/form-data`, RFC 7578) as they stream in.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::BodyDataStream;
use axum::extract::Request;
use encoding_rs::{Encoding, WINDOWS_1252};
use futures_util::stream::Stream;
use http::header;
use multer::{Constraints, Field, Multipart, SizeLimit};
use nexus_domain::Invalid;
use percent_encoding::percent_decode_str;

use crate::{ApiError, Code};

/// The type without its parameters, in lower case; empty where nothing is declared.
pub fn essence(request: &Request) -> String {
    let given = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = given.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Whether the body is a form.
pub fn is_form(request: &Request) -> bool {
    essence(request) == "multipart/form-data"
}

/// The parts of a form of at most `limit` bytes. As much of it is in memory as the body brings at once.
pub fn parts(request: Request, limit: usize) -> Result<Multipart<'static>, ApiError> {
    let boundary = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| multer::parse_boundary(value).ok())
        .ok_or_else(|| {
            ApiError::new(
                Code::UnsupportedMediaType,
                "The body must be `multipart/form-data` with a boundary.",
            )
        })?;
    // What a sender declares is judged before anything is read; the parser never reads what follows the last boundary.
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|declared| declared > limit as u64) {
        return Err(ApiError::new(
            Code::PayloadTooLarge,
            format!("The form may have at most {limit} bytes."),
        ));
    }
    let limits = SizeLimit::new().whole_stream(limit as u64);
    let stream = OneAtATime {
        inner: request.into_body().into_data_stream(),
        rests: false,
    };
    Ok(Multipart::with_constraints(
        stream,
        boundary,
        Constraints::new().size_limit(limits),
    ))
}

/// Why a form can't be read. `too_large` is the answer when it is longer than it may be.
pub fn broken(error: &multer::Error, too_large: impl FnOnce() -> ApiError) -> ApiError {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => too_large(),
        error => ApiError::field("", Invalid::new("INVALID", format!("the form can't be read: {error}"))),
    }
}

/// The parser takes in all that a stream has ready before it parses any: with a body that is there already, all of it.
/// This stream has one piece ready at a time.
struct OneAtATime {
    inner: BodyDataStream,
    rests: bool,
}

impl Stream for OneAtATime {
    type Item = <BodyDataStream as Stream>::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rests) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = Pin::new(&mut self.inner).poll_next(cx);
        self.rests = matches!(next, Poll::Ready(Some(_)));
        next
    }
}

/// The file's name as it was meant: `filename*` where it can be read (RFC 8187), else `filename`, which browsers
/// write in UTF-8 and old programs in Latin-1. Empty where there is none.
pub fn file_name(part: &Field<'_>) -> String {
    part.headers()
        .get(header::CONTENT_DISPOSITION)
        .and_then(|value| name_in(value.as_bytes()))
        .unwrap_or_default()
}

fn name_in(disposition: &[u8]) -> Option<String> {
    let mut plain = None;
    for (name, value) in Parameters(disposition) {
        if name.eq_ignore_ascii_case(b"filename*")
            && let Some(extended) = extended(&value)
        {
            return Some(extended);
        }
        if plain.is_none() && name.eq_ignore_ascii_case(b"filename") {
            plain = Some(text(&value));
        }
    }
    plain
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // As everywhere on the web, Latin-1 is read as the code page that has its letters and more.
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// `UTF-8'en'%e2%82%ac.pdf`
fn extended(value: &[u8]) -> Option<String> {
    let value = std::str::from_utf8(value).ok()?;
    let (charset, rest) = value.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    let encoding = Encoding::for_label_no_replacement(charset.as_bytes())?;
    let bytes: Vec<u8> = percent_decode_str(encoded).collect();
    let (text, has_errors) = encoding.decode_without_bom_handling(&bytes);
    (!has_errors && !text.is_empty()).then(|| text.into_owned())
}

/// The parameters after a header's first word, `; name=value` or `; name="value"`.
struct Parameters<'a>(&'a [u8]);

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a [u8], Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let begin = self.0.iter().position(|byte| *byte == b';')? + 1;
            self.0 = &self.0[begin..];
            let end = self
                .0
                .iter()
                .position(|byte| matches!(byte, b'=' | b';'))
                .unwrap_or(self.0.len());
            let name = self.0[..end].trim_ascii();
            if self.0.get(end) != Some(&b'=') {
                self.0 = &self.0[end..];
                continue;
            }
            let value = self.0[end + 1..].trim_ascii_start();
            let (value, rest) = match value.strip_prefix(b"\"") {
                Some(quoted) => unquote(quoted),
                None => {
                    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
                    (value[..end].trim_ascii().to_vec(), &value[end..])
                }
            };
            self.0 = rest;
            return Some((name, value));
        }
    }
}

/// Up to the closing quote. A backslash is one, unless a quote or another backslash follows: some browsers send whole paths.
fn unquote(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut value, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        match (byte, text.get(at + 1)) {
            (b'"', _) => return (value, &text[at + 1..]),
            (b'\\', Some(escaped @ (b'"' | b'\\'))) => {
                value.push(*escaped);
                at += 2;
            }
            _ => {
                value.push(*byte);
                at += 1;
            }
        }
    }
    (value, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(disposition: &[u8]) -> String {
        name_in(disposition).unwrap_or_default()
    }

    #[test]
    fn a_file_name_is_read_in_utf_8_and_in_latin_1() {
        assert_eq!(
            name("form-data; name=\"f\"; filename=\"Größe.pdf\"".as_bytes()),
            "Größe.pdf"
        );
        assert_eq!(
            name(b"form-data; name=\"f\"; filename=\"Gr\xf6\xdfe.pdf\""),
            "Größe.pdf"
        );
        assert_eq!(name(b"form-data; filename=\"\x93lease\x94.pdf\""), "“lease”.pdf");
        assert_eq!(name(b"form-data; filename=lease.pdf; name=f"), "lease.pdf");
        assert_eq!(
            name(b"form-data; name=\"filename=x\"; FileName = \"a;b.pdf\""),
            "a;b.pdf"
        );
        assert_eq!(name(b"form-data; name=\"f\""), "");
    }

    #[test]
    fn quotes_and_backslashes_are_what_the_sender_meant() {
        assert_eq!(name(br#"form-data; filename="say \"hi\".pdf""#), "say \"hi\".pdf");
        assert_eq!(
            name(br#"form-data; filename="C:\docs\lease.pdf""#),
            r"C:\docs\lease.pdf"
        );
        assert_eq!(name(br#"form-data; filename="a\\b.pdf""#), r"a\b.pdf");
        assert_eq!(name(br#"form-data; filename="never closed"#), "never closed");
    }

    #[test]
    fn an_extended_file_name_goes_before_the_plain_one() {
        for disposition in [
            "form-data; filename=\"E.pdf\"; filename*=UTF-8''%e2%82%ac%20rates.pdf",
            "form-data; filename*=utf-8'en'%E2%82%AC%20rates.pdf; filename=\"E.pdf\"",
        ] {
            assert_eq!(name(disposition.as_bytes()), "€ rates.pdf");
        }
        assert_eq!(name(b"form-data; filename*=ISO-8859-1''%A3%20rates.pdf"), "£ rates.pdf");
        for unreadable in ["klingon''x", "UTF-8''%ff", "UTF-8''", "x.pdf"] {
            let disposition = format!("form-data; filename*={unreadable}; filename=\"plain.pdf\"");
            assert_eq!(name(disposition.as_bytes()), "plain.pdf", "{unreadable}");
        }
    }
}
