//! Documents that people hand in: what may be one, judged by its content and not by what is said of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Invalid;
use crate::status::wire_enum;
use crate::text::{has_visible, is_shown_in_a_file_name};

/// The most documents of one submission.
pub const MOST_DOCUMENTS: usize = 5;
/// The most bytes of one document: 10 MiB.
pub const MOST_BYTES: usize = 10 * 1024 * 1024;

/// The `Invalid::code` of a document that is over [`MOST_BYTES`].
pub const TOO_LARGE: &str = "TOO_LARGE";

wire_enum!(
    /// What a document is meant to prove.
    DocumentType {
        NationalId => "NATIONAL_ID",
        Passport => "PASSPORT",
        StudentCard => "STUDENT_CARD",
        Lease => "LEASE",
        Other => "OTHER",
    }
);

/// The media types a document may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    Pdf,
    Jpeg,
    Png,
    Webp,
}

impl DocumentFormat {
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    /// The format by the signature that its specification gives.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        // PDF 32000-1 §7.5.2 wants the header first; readers take it within the first 1,024 bytes, and so
        // could a file that is something else as well. We don't.
        if bytes.starts_with(b"%PDF-") {
            return Some(Self::Pdf);
        }
        // SOI, and the first marker after it.
        if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            return Some(Self::Jpeg);
        }
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Self::Png);
        }
        let is_webp = bytes.len() >= 12 && bytes.starts_with(b"RIFF") && &bytes[8..12] == b"WEBP";
        is_webp.then_some(Self::Webp)
    }

    /// What a client declared: parameters don't count, and neither does `image/jpg`, which many send.
    fn declared(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/pdf" => Some(Self::Pdf),
            "image/jpeg" | "image/jpg" => Some(Self::Jpeg),
            "image/png" => Some(Self::Png),
            "image/webp" => Some(Self::Webp),
            _ => None,
        }
    }
}

/// A document that passed every check. Only [`Document::check`] makes one.
#[derive(Debug, Clone)]
pub struct CheckedDocument {
    pub kind: DocumentType,
    /// As the person calls it; shown, never used as a path.
    pub file_name: String,
    pub format: DocumentFormat,
    /// SHA-256 of the content, in hexadecimal: its name in the blob store.
    pub digest: String,
    pub bytes: Vec<u8>,
}

/// The rules for a document.
pub struct Document;

impl Document {
    pub fn check(
        kind: DocumentType,
        file_name: &str,
        declared_type: &str,
        bytes: Vec<u8>,
    ) -> Result<CheckedDocument, Invalid> {
        let file_name = Self::file_name(file_name)?;
        if bytes.is_empty() {
            return Err(Invalid::new("EMPTY", "has no content"));
        }
        if bytes.len() > MOST_BYTES {
            return Err(Invalid::new(TOO_LARGE, "must be at most 10 MiB"));
        }
        let declared = DocumentFormat::declared(declared_type)
            .ok_or_else(|| Invalid::new("UNKNOWN_FORMAT", "must be a PDF, JPEG, PNG or WebP"))?;
        let format = DocumentFormat::sniff(&bytes)
            .ok_or_else(|| Invalid::new("UNKNOWN_FORMAT", "is not a PDF, JPEG, PNG or WebP by its content"))?;
        if format != declared {
            return Err(Invalid::new(
                "FORMAT_MISMATCH",
                format!(
                    "is declared as {} but is {}",
                    declared.media_type(),
                    format.media_type()
                ),
            ));
        }
        Ok(CheckedDocument {
            kind,
            file_name,
            format,
            digest: hex::encode(Sha256::digest(&bytes)),
            bytes,
        })
    }

    /// Any name that can be shown: control characters would end up in headers, terminals and logs, and the controls
    /// that turn the writing direction make `exe.pdf` of `fdp.exe`.
    pub fn file_name(given: &str) -> Result<String, Invalid> {
        if !has_visible(given) || given.len() > 255 {
            return Err(Invalid::new("INVALID_FILE_NAME", "must be a name of 1 to 255 bytes"));
        }
        if !given.chars().all(is_shown_in_a_file_name) {
            return Err(Invalid::new("INVALID_FILE_NAME", "must not contain control characters"));
        }
        Ok(given.to_owned())
    }
}

/// How many documents came, before any of them is looked at.
pub fn check_count(count: usize) -> Result<(), Invalid> {
    if count > MOST_DOCUMENTS {
        return Err(Invalid::new(
            "TOO_MANY",
            format!("must be at most {MOST_DOCUMENTS} documents"),
        ));
    }
    Ok(())
}

/// What stands in a link by which somebody without a session hands documents in. 256 random bits; the database
/// keeps only the hash.
pub struct LinkToken(String);

impl LinkToken {
    pub fn new(random: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By which a token that somebody shows is found.
    pub fn hash(token: &str) -> String {
        hex::encode(Sha256::digest(token.as_bytes()))
    }
}

impl Serialize for DocumentFormat {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.media_type())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, declared: &str, bytes: &[u8]) -> Result<CheckedDocument, &'static str> {
        Document::check(DocumentType::Passport, name, declared, bytes.to_vec()).map_err(|invalid| invalid.code)
    }

    #[test]
    fn each_format_is_known_by_its_content() {
        for (declared, bytes) in [
            ("application/pdf", &b"%PDF-1.7\n"[..]),
            ("image/jpg; q=1", &[0xff, 0xd8, 0xff, 0xe0]),
            ("IMAGE/PNG", b"\x89PNG\r\n\x1a\n...."),
            ("image/webp", b"RIFF\x10\0\0\0WEBPVP8 "),
        ] {
            assert!(check("a.bin", declared, bytes).is_ok(), "{declared}");
        }
    }

    #[test]
    fn what_is_declared_must_be_what_it_is() {
        assert_eq!(
            check("a.pdf", "application/pdf", b"MZ\x90\0").unwrap_err(),
            "UNKNOWN_FORMAT"
        );
        assert_eq!(
            check("a.pdf", "application/pdf", b"\x89PNG\r\n\x1a\n").unwrap_err(),
            "FORMAT_MISMATCH"
        );
        assert_eq!(check("a.html", "text/html", b"%PDF-1.7").unwrap_err(), "UNKNOWN_FORMAT");
        assert_eq!(check("a.pdf", "application/pdf", b"").unwrap_err(), "EMPTY");
    }

    #[test]
    fn ten_mebibytes_are_taken_and_one_byte_more_is_not() {
        let mut bytes = b"%PDF-1.7".to_vec();
        bytes.resize(MOST_BYTES, b' ');
        assert!(check("a.pdf", "application/pdf", &bytes).is_ok());
        bytes.push(b' ');
        assert_eq!(check("a.pdf", "application/pdf", &bytes).unwrap_err(), TOO_LARGE);
    }

    #[test]
    fn a_file_name_is_kept_as_written_unless_it_hides_something() {
        assert_eq!(
            check("../../etc/passwd", "application/pdf", b"%PDF-1")
                .unwrap()
                .file_name,
            "../../etc/passwd"
        );
        assert_eq!(
            check("جواز سفر.pdf", "application/pdf", b"%PDF-1").unwrap().file_name,
            "جواز سفر.pdf"
        );
        assert_eq!(
            check(" a .pdf ", "application/pdf", b"%PDF-1").unwrap().file_name,
            " a .pdf "
        );
        // Systems set in Arabic write these marks into the names of files.
        for name in ["\u{200f}جواز.pdf", "جواز\u{200e}.pdf", "می\u{200c}رود.pdf"] {
            assert_eq!(check(name, "application/pdf", b"%PDF-1").unwrap().file_name, name);
        }
        for name in [
            "",
            "  ",
            "\u{200b}",
            "a\r\nb.pdf",
            "a\u{2028}.pdf",
            "a\0.pdf",
            "a\u{202e}fdp.exe",
            "a\u{2067}.pdf",
        ] {
            assert_eq!(
                check(name, "application/pdf", b"%PDF-1").unwrap_err(),
                "INVALID_FILE_NAME",
                "{name:?}"
            );
        }
    }
}
