//! `/docs`: the OpenAPI document in Swagger UI, and the list of error codes.
//!
//! All files are served from here, so that the page works where only this server can be reached. The policy allows no
//! inline script, no inline style and no other origin.

use std::fmt::Write;
use std::io::Read;

use axum::extract::Path;
use axum::response::IntoResponse;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, header};
use nexus_kit::{ApiError, ApiResult, Code};

/// The version of `swagger-ui-dist`. It is a part of the files' addresses, so that caches may keep them for good.
const VERSION: &str = "5.35.0";

const PAGE: &str = include_str!("../../page/index.html");
const SCRIPT: &str = include_str!("../../page/app.js");
const STYLE: &str = include_str!("../../page/app.css");
const LICENSES: &str = concat!(
    include_str!("../../page/swagger-ui/NOTICE"),
    "\n",
    include_str!("../../page/swagger-ui/swagger-ui-bundle.js.LICENSE.txt"),
    "\n",
    include_str!("../../page/swagger-ui/LICENSE"),
);

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of Swagger UI, compressed with gzip.
struct ViewerFile {
    name: &'static str,
    content_type: &'static str,
    gzip: &'static [u8],
}

const VIEWER: [ViewerFile; 2] = [
    ViewerFile {
        name: "swagger-ui-bundle.js",
        content_type: "text/javascript; charset=utf-8",
        gzip: include_bytes!("../../page/swagger-ui/swagger-ui-bundle.js.gz"),
    },
    ViewerFile {
        name: "swagger-ui.css",
        content_type: "text/css; charset=utf-8",
        gzip: include_bytes!("../../page/swagger-ui/swagger-ui.css.gz"),
    },
];

/// Returns the page.
pub async fn get_docs() -> ApiResult {
    let mut codes = String::new();
    for code in Code::ALL {
        // Codes and titles are constants of this program: nothing in them needs escaping.
        let _ = write!(
            codes,
            "<dt id=\"{0}\"><code>{0}</code> {1}</dt><dd>{2}</dd>",
            code.as_str(),
            code.status().as_u16(),
            code.title()
        );
    }
    let page = PAGE
        .replace("<!-- codes -->", &codes)
        .replace("<!-- version -->", VERSION);
    Ok(asset("text/html; charset=utf-8", page))
}

/// Returns the script that starts the viewer.
pub async fn get_script() -> ApiResult {
    Ok(asset("text/javascript; charset=utf-8", SCRIPT.to_owned()))
}

/// Returns the page's own style.
pub async fn get_style() -> ApiResult {
    Ok(asset("text/css; charset=utf-8", STYLE.to_owned()))
}

fn asset(content_type: &'static str, text: String) -> axum::response::Response {
    (
        [
            (header::CONTENT_TYPE, content_type),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "public, max-age=300"),
        ],
        text,
    )
        .into_response()
}

/// Returns a file of Swagger UI: compressed where the client accepts gzip, else decompressed.
pub async fn get_viewer_file(Path((version, name)): Path<(String, String)>, headers: HeaderMap) -> ApiResult {
    if version != VERSION {
        return Err(ApiError::not_found());
    }
    if name == "licenses.txt" {
        return Ok(asset("text/plain; charset=utf-8", LICENSES.to_owned()));
    }
    let file = VIEWER
        .iter()
        .find(|file| file.name == name)
        .ok_or_else(ApiError::not_found)?;
    let mut response = if accepts_gzip(&headers) {
        let mut response = file.gzip.into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        let mut bytes = Vec::new();
        GzDecoder::new(file.gzip)
            .read_to_end(&mut bytes)
            .map_err(|error| ApiError::internal(error.to_string()))?;
        bytes.into_response()
    };
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    fields.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    fields.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    Ok(response)
}

/// Whether `Accept-Encoding` names gzip (or `*`) with a weight above 0 (RFC 9110 §12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| {
            let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
            let coding = coding.trim();
            let weight = weight
                .trim()
                .strip_prefix("q=")
                .map_or(1.0, |q| q.parse().unwrap_or(0.0));
            (coding.eq_ignore_ascii_case("gzip") || coding == "*") && weight > 0.0
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_only_to_clients_that_accept_it() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts_gzip(&headers)
        };
        assert!(accepts("gzip, deflate, br"));
        assert!(accepts("br;q=0.9, GZIP;q=0.5"));
        assert!(accepts("*"));
        assert!(!accepts("gzip;q=0"));
        assert!(!accepts("br, identity"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn the_compressed_files_are_whole() {
        for file in VIEWER {
            let mut bytes = Vec::new();
            GzDecoder::new(file.gzip).read_to_end(&mut bytes).unwrap();
            assert!(bytes.len() > 100_000, "{}: {} bytes", file.name, bytes.len());
        }
    }
}
