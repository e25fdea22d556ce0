//! `/docs`: a page that shows the OpenAPI document. Its script and style are our own, so that the page
//! works where nothing but this server can be reached, under a policy that allows nothing else.

use std::fmt::Write;

use axum::response::{IntoResponse, Response};
use http::header;
use nexus_kit::Code;

const PAGE: &str = include_str!("../../page/index.html");
const SCRIPT: &str = include_str!("../../page/app.js");
const STYLE: &str = include_str!("../../page/app.css");

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where in the page the error codes stand.
const CODES: &str = "<!-- codes -->";

pub async fn get_docs() -> Response {
    let mut codes = String::new();
    for code in Code::ALL {
        // All of them words of our own: nothing in here needs to be escaped.
        let _ = write!(
            codes,
            "<dt id=\"{0}\"><code>{0}</code> {1}</dt><dd>{2}</dd>",
            code.as_str(),
            code.status().as_u16(),
            code.title()
        );
    }
    asset("text/html; charset=utf-8", PAGE.replace(CODES, &codes))
}

pub async fn get_script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT.to_owned())
}

pub async fn get_style() -> Response {
    asset("text/css; charset=utf-8", STYLE.to_owned())
}

fn asset(content_type: &'static str, text: String) -> Response {
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
