//! Documents that people hand in: what may be one, judged by its content and not by what is said of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Invalid;
use crate::picture::{self, Damage, PictureFormat};
use crate::portable_document;
use crate::status::wire_enum;
use crate::text::{has_visible, is_shown_in_a_file_name};

/// The most documents of one submission.
pub const MAX_DOCUMENTS: usize = 5;
/// The most bytes of one document: 10 MiB.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

/// The `Invalid::code` of a document that is over [`MAX_BYTES`].
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

    const fn name(self) -> &'static str {
        match self {
            Self::Pdf => "PDF",
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Webp => "WebP",
        }
    }

    /// The format by the signature that its specification gives.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        // PDF 32000-1 §7.5.2 wants the header first; readers take it within the first 1,024 bytes, and so
        // could a file that is something else as well. We don't.
        if bytes.starts_with(b"%PDF-") {
            return Some(Self::Pdf);
        }
        match PictureFormat::sniff(bytes)? {
            PictureFormat::Jpeg => Some(Self::Jpeg),
            PictureFormat::Png => Some(Self::Png),
            PictureFormat::Webp => Some(Self::Webp),
            PictureFormat::Gif => None,
        }
    }

    /// Whether all of the file is there.
    fn check(self, bytes: &[u8]) -> Result<(), Damage> {
        let format = match self {
            Self::Pdf => return portable_document::check(bytes),
            Self::Jpeg => PictureFormat::Jpeg,
            Self::Png => PictureFormat::Png,
            Self::Webp => PictureFormat::Webp,
        };
        picture::check(format, bytes).map(|_| ())
    }
}

/// What a client declared a document to be.
enum Declared {
    Format(DocumentFormat),
    /// Nothing, or "some bytes": what programs say that don't know.
    Unknown,
}

impl Declared {
    /// Parameters don't count. Some programs still use the names from before a type was registered.
    fn read(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let format = match essence.as_str() {
            ""
            | "application/octet-stream"
            | "binary/octet-stream"
            | "application/unknown"
            | "application/x-download"
            | "application/force-download" => return Some(Self::Unknown),
            "application/pdf" | "application/x-pdf" => DocumentFormat::Pdf,
            "image/jpeg" | "image/jpg" | "image/pjpeg" => DocumentFormat::Jpeg,
            "image/png" | "image/x-png" => DocumentFormat::Png,
            "image/webp" => DocumentFormat::Webp,
            _ => return None,
        };
        Some(Self::Format(format))
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
        if bytes.len() > MAX_BYTES {
            return Err(Invalid::new(TOO_LARGE, "must be at most 10 MiB"));
        }
        let declared = Declared::read(declared_type)
            .ok_or_else(|| Invalid::new("UNKNOWN_FORMAT", "must be a PDF, JPEG, PNG or WebP"))?;
        let format = DocumentFormat::sniff(&bytes)
            .ok_or_else(|| Invalid::new("UNKNOWN_FORMAT", "is not a PDF, JPEG, PNG or WebP by its content"))?;
        if let Declared::Format(declared) = declared
            && format != declared
        {
            return Err(Invalid::new(
                "FORMAT_MISMATCH",
                format!(
                    "is declared as {} but is {}",
                    declared.media_type(),
                    format.media_type()
                ),
            ));
        }
        format.check(&bytes).map_err(|damage| damage.explain(format.name()))?;
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
    if count > MAX_DOCUMENTS {
        return Err(Invalid::new(
            "TOO_MANY",
            format!("must be at most {MAX_DOCUMENTS} documents"),
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

    const PNG: &[u8] = include_bytes!("../fixtures/whole.png");
    const JPEG: &[u8] = include_bytes!("../fixtures/whole.jpg");
    const WEBP: &[u8] = include_bytes!("../fixtures/whole.webp");
    const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\nstartxref\n9\n%%EOF\n";

    #[test]
    fn each_format_is_known_by_its_content() {
        for (declared, bytes) in [
            ("application/pdf", PDF),
            ("image/jpg; q=1", JPEG),
            ("image/pjpeg", JPEG),
            ("IMAGE/PNG", PNG),
            ("image/webp", WEBP),
        ] {
            assert!(check("a.bin", declared, bytes).is_ok(), "{declared}");
        }
    }

    #[test]
    fn what_is_declared_as_bytes_or_as_nothing_is_judged_by_its_content() {
        for declared in [
            "",
            "application/octet-stream",
            "Application/Octet-Stream; x=y",
            "binary/octet-stream",
        ] {
            for (bytes, format) in [
                (PDF, DocumentFormat::Pdf),
                (JPEG, DocumentFormat::Jpeg),
                (PNG, DocumentFormat::Png),
                (WEBP, DocumentFormat::Webp),
            ] {
                assert_eq!(check("a.bin", declared, bytes).unwrap().format, format, "{declared}");
            }
            assert_eq!(check("a.bin", declared, b"MZ\x90\0").unwrap_err(), "UNKNOWN_FORMAT");
        }
    }

    #[test]
    fn what_is_truncated_is_refused_by_name() {
        for (name, bytes) in [("PDF", PDF), ("JPEG", JPEG), ("PNG", PNG), ("WebP", WEBP)] {
            let cut = bytes[..bytes.len() - 12].to_vec();
            let refused = Document::check(DocumentType::Passport, "a.bin", "", cut).unwrap_err();
            assert_eq!(refused.code, "TRUNCATED");
            assert!(refused.to_string().contains(&format!("truncated {name}")), "{refused}");
        }
        let mut wrong = PNG.to_vec();
        wrong[20] ^= 1;
        assert_eq!(check("a.png", "image/png", &wrong).unwrap_err(), "DAMAGED");
    }

    #[test]
    fn what_is_declared_must_be_what_it_is() {
        assert_eq!(
            check("a.pdf", "application/pdf", b"MZ\x90\0").unwrap_err(),
            "UNKNOWN_FORMAT"
        );
        assert_eq!(check("a.pdf", "application/pdf", PNG).unwrap_err(), "FORMAT_MISMATCH");
        assert_eq!(check("a.html", "text/html", PDF).unwrap_err(), "UNKNOWN_FORMAT");
        assert_eq!(check("a.pdf", "application/pdf", b"").unwrap_err(), "EMPTY");
    }

    #[test]
    fn ten_mebibytes_are_taken_and_one_byte_more_is_not() {
        let mut bytes = PDF.to_vec();
        bytes.resize(MAX_BYTES, b' ');
        assert!(check("a.pdf", "application/pdf", &bytes).is_ok());
        bytes.push(b' ');
        assert_eq!(check("a.pdf", "application/pdf", &bytes).unwrap_err(), TOO_LARGE);
    }

    #[test]
    fn a_file_name_is_kept_as_written_unless_it_hides_something() {
        assert_eq!(
            check("../../etc/passwd", "application/pdf", PDF).unwrap().file_name,
            "../../etc/passwd"
        );
        assert_eq!(
            check("جواز سفر.pdf", "application/pdf", PDF).unwrap().file_name,
            "جواز سفر.pdf"
        );
        assert_eq!(check(" a .pdf ", "application/pdf", PDF).unwrap().file_name, " a .pdf ");
        // Systems set in Arabic write these marks into the names of files.
        for name in ["\u{200f}جواز.pdf", "جواز\u{200e}.pdf", "می\u{200c}رود.pdf"] {
            assert_eq!(check(name, "application/pdf", PDF).unwrap().file_name, name);
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
                check(name, "application/pdf", PDF).unwrap_err(),
                "INVALID_FILE_NAME",
                "{name:?}"
            );
        }
    }
}
