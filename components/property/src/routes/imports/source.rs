//! Where an import's file comes from: the body itself, or the one file of a form.

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::header;
use http_body_util::BodyExt;
use multer::{Field, Multipart};
use nexus_domain::Invalid;
use nexus_kit::csv::Reader;
use nexus_kit::{ApiError, Code, form};

/// What a file may weigh.
const MAX_FILE: usize = 64 * 1024 * 1024;
/// The form around it: boundaries and the headers of its part.
const FORM_OVERHEAD: usize = 16 * 1024;

/// What programs declare a CSV file to be. Windows takes the type from whatever is installed to open such files.
const TYPES: [&str; 7] = [
    "text/csv",
    "application/csv",
    "text/x-csv",
    "application/x-csv",
    "text/comma-separated-values",
    "text/tab-separated-values",
    "application/vnd.ms-excel",
];

/// What to say of a file that is not CSV but what a spreadsheet works with.
pub const WORKBOOK: &str = "the file is a workbook of a spreadsheet; save it there as “CSV UTF-8” and import that";

/// By its first bytes: a ZIP (.xlsx, .ods) or an OLE file (.xls).
pub fn is_workbook(begin: &[u8]) -> bool {
    begin.starts_with(b"PK\x03\x04") || begin.starts_with(b"\xd0\xcf\x11\xe0")
}

enum Pieces {
    Body(Body),
    Form {
        form: Multipart<'static>,
        /// The file, while it is read.
        part: Option<Box<Field<'static>>>,
        has_file: bool,
    },
}

pub struct Source {
    pieces: Pieces,
    charset: Option<String>,
    size: usize,
}

impl Source {
    pub fn of(request: Request) -> Result<Self, ApiError> {
        let charset = charset(&request);
        let pieces = if form::is_form(&request) {
            Pieces::Form {
                form: form::parts(request, MAX_FILE + FORM_OVERHEAD)?,
                part: None,
                has_file: false,
            }
        } else if TYPES.contains(&form::essence(&request).as_str()) {
            Pieces::Body(request.into_body())
        } else {
            return Err(ApiError::new(
                Code::UnsupportedMediaType,
                "The body must be `text/csv`, or a form with the file in its part `file`.",
            ));
        };
        Ok(Self {
            pieces,
            charset,
            size: 0,
        })
    }

    /// Reads the file as its `charset` says, as UTF-8 where nothing is said.
    pub fn reader(&self) -> Result<Reader, ApiError> {
        let Some(charset) = &self.charset else {
            return Ok(Reader::default());
        };
        Reader::of_charset(charset).ok_or_else(|| {
            let detail = format!("`{charset}` is no charset that is known here; send UTF-8.");
            ApiError::new(Code::UnsupportedMediaType, detail)
        })
    }

    /// The next piece of the file, none of them empty.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let piece = match &mut self.pieces {
            Pieces::Body(body) => next_of_body(body).await?,
            Pieces::Form { form, part, has_file } => next_of_form(form, part, has_file).await?,
        };
        self.size += piece.as_ref().map_or(0, Bytes::len);
        if self.size > MAX_FILE {
            return Err(too_large());
        }
        Ok(piece)
    }
}

async fn next_of_body(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            ApiError::new(Code::MalformedJson, "The body did not arrive whole.").because(error.to_string())
        })?;
        if let Some(piece) = frame.into_data().ok().filter(|piece| !piece.is_empty()) {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

async fn next_of_form(
    form: &mut Multipart<'static>,
    part: &mut Option<Box<Field<'static>>>,
    has_file: &mut bool,
) -> Result<Option<Bytes>, ApiError> {
    let broken = |error: multer::Error| form::broken(&error, too_large);
    loop {
        if let Some(file) = part {
            match file.chunk().await.map_err(broken)? {
                Some(piece) if piece.is_empty() => continue,
                Some(piece) => return Ok(Some(piece)),
                // The form reads on only after this one is gone.
                None => *part = None,
            }
        }
        let Some(next) = form.next_field().await.map_err(broken)? else {
            return if *has_file {
                Ok(None)
            } else {
                Err(ApiError::field(
                    "file",
                    Invalid::new("REQUIRED", "is required: the CSV file"),
                ))
            };
        };
        let name = next.name().unwrap_or_default().to_owned();
        if name != "file" {
            let invalid = Invalid::new(
                "UNKNOWN_PROPERTY",
                "is not a part of this form; the file's part is `file`",
            );
            return Err(ApiError::field(name, invalid));
        }
        if std::mem::replace(has_file, true) {
            return Err(ApiError::field(
                name,
                Invalid::new("DUPLICATE_PROPERTY", "stands more than once"),
            ));
        }
        *part = Some(Box::new(next));
    }
}

fn too_large() -> ApiError {
    ApiError::new(
        Code::PayloadTooLarge,
        format!("The file may have at most {MAX_FILE} bytes."),
    )
}

/// The `charset` of the body's type. A form's is its own; its files tell by a byte order mark.
fn charset(request: &Request) -> Option<String> {
    if form::is_form(request) {
        return None;
    }
    let given = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    given.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"').to_owned())
    })
}
