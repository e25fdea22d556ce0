//! The scanner that `spin.toml` binds to `nexus:documents/scanner`: it looks at documents before they are kept.

use nexus_domain::document::CheckedDocument;

use crate::ApiError;

/// What the scanner says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Clean,
    /// Not to be kept, and why.
    Refused(String),
}

// Only components that take documents call this, so only they come to import the interface.
#[cfg(target_arch = "wasm32")]
pub async fn scan(document: &CheckedDocument) -> Result<Verdict, ApiError> {
    use guest::bindings::nexus::documents::scanner;

    let document = scanner::Document {
        kind: document.kind.as_str().to_owned(),
        file_name: document.file_name.clone(),
        content_type: document.format.media_type().to_owned(),
        content: document.bytes.clone(),
    };
    match crate::on_this_thread(scanner::scan(document)).await {
        Ok(scanner::Verdict::Clean) => Ok(Verdict::Clean),
        Ok(scanner::Verdict::Refused(reason)) => Ok(Verdict::Refused(reason)),
        Err(reason) => Err(ApiError::unavailable(format!("the document scanner: {reason}"))),
    }
}

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod guest {
    // Generated code, for which our lints are not made.
    #[allow(unsafe_code, clippy::all, clippy::unwrap_used, clippy::expect_used)]
    pub mod bindings {
        use spin_sdk::wit_bindgen;

        wit_bindgen::generate!({
            runtime_path: "spin_sdk::wit_bindgen::rt",
            path: "../../wit/documents.wit",
            world: "taking-documents",
            generate_all,
        });
    }
}

/// Outside a component none is bound; tests of routers try theirs with a content that says what to answer.
#[cfg(not(target_arch = "wasm32"))]
pub async fn scan(document: &CheckedDocument) -> Result<Verdict, ApiError> {
    let says = |words: &str| {
        document
            .bytes
            .windows(words.len())
            .any(|window| window == words.as_bytes())
    };
    if says("scanner: refuse") {
        return Ok(Verdict::Refused("looks bad".into()));
    }
    if says("scanner: fail") {
        return Err(ApiError::unavailable("the document scanner: told to fail"));
    }
    Ok(Verdict::Clean)
}
