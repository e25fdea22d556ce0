//! Documents in requests, as JSON or as a form: into checked documents, and from there into the blob store.

use std::collections::BTreeMap;

use axum::extract::Request;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use deserr::Deserr;
use nexus_domain::Invalid;
use nexus_domain::document::{self, CheckedDocument, Document, DocumentType};
use nexus_domain::ids::DocumentId;
use nexus_domain::status::VerificationStatus;
use nexus_store::verification::documents::{NewDocument, StoredDocument};
use serde::Serialize;
use utoipa::ToSchema;

use crate::scan::{Verdict, scan};
use crate::{ApiError, App, Code, FieldError, FieldErrors, blob, clock, form};

pub use crate::form::is_form;

/// What a JSON body that carries documents may weigh.
pub const JSON_UPLOAD_LIMIT: usize = 16 * 1024 * 1024;
/// What a form that carries documents may weigh.
pub const FORM_LIMIT: usize = 55 * 1024 * 1024;
/// What a part of a form that is no document may weigh.
const TEXT_LIMIT: usize = crate::extract::JSON_LIMIT;

/// One document of a JSON body.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct DocumentBody {
    // deserr would look for `r#type`.
    #[deserr(rename = "type", try_from(String) = DocumentType::try_from -> Invalid)]
    pub r#type: DocumentType,
    #[schema(min_length = 1, max_length = 255)]
    pub file_name: String,
    /// What it is declared as; without it, or as `application/octet-stream`, the content alone says what it is.
    #[deserr(default)]
    #[schema(example = "application/pdf", required = false)]
    pub content_type: String,
    /// The content in base64.
    #[schema(format = Byte, min_length = 1)]
    pub data: String,
}

// Standard alphabet; with or without padding, since both are common.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Checks all documents of a JSON body and names every one that can't be taken.
pub fn check_bodies(bodies: Vec<DocumentBody>) -> Result<Vec<CheckedDocument>, ApiError> {
    check_all(bodies, |body| {
        let bytes = BASE64
            .decode(body.data.as_bytes())
            .map_err(|_| ("data", Invalid::new("INVALID_BASE64", "must be base64")))?;
        Document::check(body.r#type, &body.file_name, &body.content_type, bytes).map_err(locate)
    })
}

/// Checks all documents of a form; `types` are those of the documents in order, `OTHER` where there are fewer.
pub fn check_parts(parts: Vec<DocumentPart>, types: &[DocumentType]) -> Result<Vec<CheckedDocument>, ApiError> {
    if types.len() > parts.len() {
        let invalid = Invalid::new("TOO_MANY", "names more types than there are documents");
        return Err(ApiError::field("documentTypes", invalid));
    }
    let mut types = types.iter().copied();
    check_all(parts, |part| {
        let kind = types.next().unwrap_or(DocumentType::Other);
        Document::check(kind, &part.file_name, &part.content_type, part.bytes).map_err(locate)
    })
}

fn locate(invalid: Invalid) -> (&'static str, Invalid) {
    let field = match invalid.code {
        "INVALID_FILE_NAME" => "fileName",
        "UNKNOWN_FORMAT" | "FORMAT_MISMATCH" => "contentType",
        _ => "data",
    };
    (field, invalid)
}

fn check_all<T>(
    given: Vec<T>,
    mut check: impl FnMut(T) -> Result<CheckedDocument, (&'static str, Invalid)>,
) -> Result<Vec<CheckedDocument>, ApiError> {
    document::check_count(given.len()).map_err(|invalid| refuse(vec![FieldError::new("documents", invalid)]))?;
    let mut checked = Vec::with_capacity(given.len());
    let mut errors = Vec::new();
    for (index, one) in given.into_iter().enumerate() {
        match check(one) {
            Ok(document) => checked.push(document),
            Err((_, invalid)) if invalid.code == document::TOO_LARGE => return Err(document_too_large()),
            Err((field, invalid)) => errors.push(FieldError::new(format!("documents[{index}].{field}"), invalid)),
        }
    }
    if errors.is_empty() {
        Ok(checked)
    } else {
        Err(refuse(errors))
    }
}

fn refuse(errors: Vec<FieldError>) -> ApiError {
    ApiError::new(
        Code::InvalidDocument,
        "A document can't be taken; `errors` says which and why.",
    )
    .with_errors(errors)
}

fn document_too_large() -> ApiError {
    ApiError::new(Code::PayloadTooLarge, "A document may have at most 10 MiB.")
}

/// One file of a form.
#[derive(Debug)]
pub struct DocumentPart {
    pub file_name: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// A form: its `documents`, and its other parts by name (each at most once, but for `documentTypes`).
#[derive(Debug, Default)]
pub struct Form {
    pub texts: BTreeMap<String, Bytes>,
    pub types: Vec<DocumentType>,
    pub documents: Vec<DocumentPart>,
}

impl Form {
    pub fn checked_documents(&mut self) -> Result<Vec<CheckedDocument>, ApiError> {
        check_parts(std::mem::take(&mut self.documents), &self.types)
    }
}

/// Reads a form as it streams in; every limit is checked before the next bytes are taken. `texts` names the parts
/// there may be besides `documents` and `documentTypes`.
pub async fn read_form(request: Request, texts: &[&str]) -> Result<Form, ApiError> {
    let mut parts = form::parts(request, FORM_LIMIT)?;
    let mut form = Form::default();
    while let Some(mut part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "documents" => {
                document::check_count(form.documents.len() + 1)
                    .map_err(|invalid| refuse(vec![FieldError::new("documents", invalid)]))?;
                let file_name = form::file_name(&part);
                let content_type = part.content_type().map(ToString::to_string).unwrap_or_default();
                let bytes = read_part(&mut part, document::MAX_BYTES)
                    .await?
                    .ok_or_else(document_too_large)?;
                form.documents.push(DocumentPart {
                    file_name,
                    content_type,
                    bytes,
                });
            }
            "documentTypes" => {
                let text = read_text(&mut part).await?;
                for one in String::from_utf8_lossy(&text).split(',') {
                    let kind = one
                        .trim()
                        .parse()
                        .map_err(|invalid| ApiError::field("documentTypes", invalid))?;
                    form.types.push(kind);
                }
            }
            known if texts.contains(&known) => {
                let text = read_text(&mut part).await?;
                if form.texts.insert(name.clone(), text.into()).is_some() {
                    return Err(ApiError::field(
                        name,
                        Invalid::new("DUPLICATE_PROPERTY", "stands more than once"),
                    ));
                }
            }
            _ => {
                return Err(ApiError::field(
                    name,
                    Invalid::new("UNKNOWN_PROPERTY", "is not a part of this form"),
                ));
            }
        }
    }
    Ok(form)
}

async fn read_text(part: &mut multer::Field<'_>) -> Result<Vec<u8>, ApiError> {
    read_part(part, TEXT_LIMIT).await?.ok_or_else(|| {
        ApiError::new(
            Code::PayloadTooLarge,
            format!("A part of the form may have at most {TEXT_LIMIT} bytes."),
        )
    })
}

/// The part's content, or `None` when it is longer than `limit`.
async fn read_part(part: &mut multer::Field<'_>, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

fn broken(error: multer::Error) -> ApiError {
    form::broken(&error, || {
        ApiError::new(Code::PayloadTooLarge, "The form may have at most 55 MiB.")
    })
}

/// Has checked documents scanned, and puts them into the blob store when none is refused. What comes back is for
/// `store::documents` to write down.
pub async fn store(app: &App, checked: Vec<CheckedDocument>) -> Result<Vec<NewDocument>, ApiError> {
    let mut errors = Vec::new();
    for (index, document) in checked.iter().enumerate() {
        if let Verdict::Refused(reason) = scan(document).await? {
            let invalid = Invalid::new("REFUSED_BY_SCANNER", reason);
            errors.push(FieldError::new(format!("documents[{index}].data"), invalid));
        }
    }
    if !errors.is_empty() {
        return Err(refuse(errors));
    }
    let mut stored = Vec::with_capacity(checked.len());
    for document in checked {
        let size = document.bytes.len();
        let key = blob::put(app, document.bytes.into()).await?;
        stored.push(NewDocument {
            id: clock::new_id(DocumentId::generate),
            kind: document.kind,
            file_name: document.file_name,
            content_type: document.format.media_type().to_owned(),
            size: i64::try_from(size).unwrap_or(i64::MAX),
            blob_key: key.as_str().to_owned(),
        });
    }
    Ok(stored)
}

/// A document as its owner sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Document)]
pub struct DocumentView {
    pub id: DocumentId,
    pub r#type: DocumentType,
    pub file_name: String,
    pub content_type: String,
    pub size: i64,
    pub verification_status: VerificationStatus,
}

impl From<StoredDocument> for DocumentView {
    fn from(stored: StoredDocument) -> Self {
        Self {
            id: stored.id,
            r#type: stored.kind,
            file_name: stored.file_name,
            content_type: stored.content_type,
            size: stored.size,
            verification_status: stored.verification_status,
        }
    }
}

impl From<NewDocument> for DocumentView {
    fn from(new: NewDocument) -> Self {
        Self {
            id: new.id,
            r#type: new.kind,
            file_name: new.file_name,
            content_type: new.content_type,
            size: new.size,
            verification_status: VerificationStatus::Pending,
        }
    }
}
