//! `/docs`: a page that shows the OpenAPI document. Its script and style are our own, so that the page
//! works where nothing but this server can be reached, under a policy that allows nothing else.

use axum::response::{IntoResponse, Response};
use http::header;

const PAGE: &str = include_str!("../../page/index.html");
const SCRIPT: &str = include_str!("../../page/app.js");
const STYLE: &str = include_str!("../../page/app.css");

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub async fn get_docs() -> Response {
    asset("text/html; charset=utf-8", PAGE)
}

pub async fn get_script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

pub async fn get_style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

fn asset(content_type: &'static str, text: &'static str) -> Response {
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
