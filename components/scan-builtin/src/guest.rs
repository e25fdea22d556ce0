//! The interface as the components call it.

// Generated code, for which our lints are not made.
#[allow(unsafe_code, clippy::all, clippy::unwrap_used, clippy::expect_used)]
mod bindings {
    use spin_sdk::wit_bindgen;

    wit_bindgen::generate!({
        runtime_path: "spin_sdk::wit_bindgen::rt",
        path: "../../wit/documents.wit",
        world: "scanning",
        generate_all,
    });
}
use bindings::exports::nexus::documents::scanner::{Document, Guest, Verdict};

struct BuiltIn;

impl Guest for BuiltIn {
    async fn scan(document: Document) -> Result<Verdict, String> {
        Ok(match crate::refusal(&document.content_type, &document.content) {
            None => Verdict::Clean,
            Some(reason) => Verdict::Refused(reason.to_owned()),
        })
    }
}

bindings::export!(BuiltIn with_types_in bindings);
