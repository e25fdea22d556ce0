//! Files for messages: uploaded first, then sent.

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use nexus_domain::Invalid;
use nexus_domain::ids::AttachmentId;
use nexus_domain::message::Attachment;
use nexus_domain::picture::{self, MAX_PIXELS, Picture, PictureFormat};
use nexus_domain::text::{has_visible, is_shown_in_a_file_name};
use nexus_kit::blob::BlobKey;
use nexus_kit::{ApiError, ApiResult, App, Code, Path, Session, blob, clock, form, respond, version};
use nexus_store::chat::attachments;
use utoipa::ToSchema;

/// What a file may weigh.
const MAX_BYTES: usize = 10 * 1024 * 1024;
/// The form around it: boundaries and the headers of its part.
const FORM_OVERHEAD: usize = 16 * 1024;

#[derive(ToSchema)]
#[allow(dead_code)] // for the OpenAPI document
struct Upload {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Keeps a file, to be sent with a message: a form with one part, `file`, of at most 10 MiB.
#[utoipa::path(
    post, path = "/api/v1/attachments", tag = "chats",
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses((status = 201, body = Attachment))
)]
pub async fn create_attachment(State(app): State<App>, session: Session, request: Request) -> ApiResult {
    let file = read_file(request).await?;
    let attachment = describe(&file);
    let key = blob::put(&app, file.content).await?;
    attachments::insert(app.database(), session.user(), &attachment, key.as_str(), clock::now())?;
    Ok(respond::created(&attachment))
}

struct File {
    name: String,
    declared_type: String,
    content: Bytes,
}

async fn read_file(request: Request) -> Result<File, ApiError> {
    let mut parts = form::parts(request, MAX_BYTES + FORM_OVERHEAD)?;
    let mut file = None;
    while let Some(mut part) = parts
        .next_field()
        .await
        .map_err(|error| form::broken(&error, too_large))?
    {
        let name = part.name().unwrap_or_default().to_owned();
        if name != "file" {
            return Err(ApiError::field(
                name,
                Invalid::new("UNKNOWN_PROPERTY", "is not a part of this form"),
            ));
        }
        if file.is_some() {
            return Err(ApiError::field(
                "file",
                Invalid::new("DUPLICATE_PROPERTY", "stands more than once"),
            ));
        }
        let given_name = form::file_name(&part);
        let declared_type = part.content_type().map(ToString::to_string).unwrap_or_default();
        let mut content = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|error| form::broken(&error, too_large))? {
            if content.len() + chunk.len() > MAX_BYTES {
                return Err(too_large());
            }
            content.extend_from_slice(&chunk);
        }
        file = Some(File {
            name: plain_name(&given_name),
            declared_type,
            content: content.into(),
        });
    }
    let file = file.ok_or_else(|| ApiError::field("file", Invalid::new("REQUIRED", "is required")))?;
    if file.content.is_empty() {
        return Err(ApiError::field("file", Invalid::new("EMPTY", "must not be empty")));
    }
    Ok(file)
}

fn too_large() -> ApiError {
    ApiError::new(Code::PayloadTooLarge, "A file may have at most 10 MiB.")
}

/// The name without folders, control characters and what turns its direction, at most 255 characters.
fn plain_name(given: &str) -> String {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| is_shown_in_a_file_name(*c)).take(255).collect();
    match name.trim() {
        "." | ".." => "file".to_owned(),
        name if !has_visible(name) => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// A PNG that unpacks to at most so many bytes is unpacked before its size is believed; of a larger one the checksums
/// must do.
const UNPACKED: u64 = 64 * 1024 * 1024;

/// What is said of the file. Of images, what their content says and not what somebody said of it.
fn describe(file: &File) -> Attachment {
    let format = PictureFormat::sniff(&file.content);
    let picture = format.and_then(|format| measure(format, &file.content));
    Attachment {
        id: clock::new_id(AttachmentId::generate),
        file_name: file.name.clone(),
        content_type: format.map_or_else(
            || declared(&file.declared_type),
            |format| format.media_type().to_owned(),
        ),
        size: file.content.len() as u64,
        width: picture.map(|picture| picture.width),
        height: picture.map(|picture| picture.height),
    }
}

/// The size of a picture that can be shown: its file is whole, a PNG unpacks, and it has no more than [`MAX_PIXELS`].
/// Any other file is kept as well, without a size.
fn measure(format: PictureFormat, content: &[u8]) -> Option<Picture> {
    let picture = picture::check(format, content).ok()?;
    let shown = picture.pixels() <= MAX_PIXELS && picture::decodes(format, content, UNPACKED) != Some(false);
    shown.then_some(picture)
}

/// A declared type is taken when it looks like one and claims to be no image that we know; its parameters are dropped.
fn declared(given: &str) -> String {
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    match essence.split_once('/') {
        Some((kind, subtype)) if essence.len() <= 100 && token(kind) && token(subtype) && !is_shown(&essence) => {
            essence
        }
        _ => "application/octet-stream".to_owned(),
    }
}

fn is_shown(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// A file, for its owner and, once sent, for the members of its chat.
#[utoipa::path(
    get, path = "/api/v1/attachments/{id}", tag = "chats", params(("id" = AttachmentId, Path)),
    responses((status = 200, content_type = "*/*", body = Vec<u8>), (status = 304))
)]
pub async fn get_attachment(
    State(app): State<App>,
    session: Session,
    Path(id): Path<AttachmentId>,
    headers: HeaderMap,
) -> ApiResult {
    let found = attachments::find_visible(app.database(), id, session.user())?.ok_or_else(ApiError::not_found)?;
    // The key names the content, which never changes.
    let version = version::of_bytes(found.blob_key.as_bytes());
    if let Some(known) = respond::not_modified(&headers, version) {
        return Ok(known);
    }
    let content = blob::get(&app, &BlobKey::from_stored(found.blob_key))
        .await?
        .ok_or_else(|| ApiError::internal(format!("the content of attachment {id} is missing")))?;
    let file = found.attachment;
    let kind = if is_shown(&file.content_type) {
        "inline"
    } else {
        "attachment"
    };
    let header = |text: &str| HeaderValue::from_str(text).map_err(|error| ApiError::internal(error.to_string()));
    let headers = [
        (CONTENT_TYPE, header(&file.content_type)?),
        (CONTENT_DISPOSITION, header(&disposition(kind, &file.file_name))?),
        // Whatever it is, it runs nothing in our origin.
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600")),
    ];
    Ok(respond::with_etag(
        (StatusCode::OK, headers, content).into_response(),
        version,
    ))
}

/// RFC 6266 §4: a plain name for old clients, the full one in `filename*`.
fn disposition(kind: &str, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut full = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            full.push(char::from(byte));
        } else {
            full.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{full}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_folders_and_is_never_empty() {
        assert_eq!(plain_name("../../etc/pass\u{0}wd"), "passwd");
        assert_eq!(plain_name("C:\\x\\lease.pdf"), "lease.pdf");
        assert_eq!(plain_name(".."), "file");
    }

    #[test]
    fn any_name_becomes_a_header() {
        let header = disposition("attachment", "Mietvertrag \"Ä\"\u{202e}.pdf");
        assert!(
            header.is_ascii() && header.starts_with("attachment; filename=\"Mietvertrag _"),
            "{header}"
        );
        assert!(header.ends_with("filename*=UTF-8''Mietvertrag%20%22%C3%84%22%E2%80%AE.pdf"));
    }

    #[test]
    fn an_image_is_what_its_content_says() {
        let png = include_bytes!("../../../../crates/domain/fixtures/whole.png");
        let file = |content: &[u8], declared: &str| File {
            name: "x".into(),
            declared_type: declared.into(),
            content: content.to_vec().into(),
        };
        let found = describe(&file(png, "text/html"));
        assert_eq!(
            (found.content_type.as_str(), found.width, found.height),
            ("image/png", Some(30), Some(20))
        );
        let cut = describe(&file(&png[..png.len() - 12], "image/png"));
        assert_eq!(
            (cut.content_type.as_str(), cut.width, cut.height),
            ("image/png", None, None)
        );
        let pretended = describe(&file(b"<script>", "image/png"));
        assert_eq!(
            (pretended.content_type.as_str(), pretended.width),
            ("application/octet-stream", None)
        );
        assert_eq!(
            describe(&file(b"x", "Text/Plain; charset=utf-8")).content_type,
            "text/plain"
        );
    }
}
