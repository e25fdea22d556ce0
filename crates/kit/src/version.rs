//! Versions of what is shown, where no counter grows with all that an answer shows: a chat's members and read marks, a
//! person's last sign-in. There the `ETag` is made of the answer itself.

use std::hash::{DefaultHasher, Hasher};

use http::HeaderMap;
use serde::Serialize;

use crate::respond;

/// A number that differs when the answer does.
pub fn of(shown: &impl Serialize) -> i64 {
    of_bytes(&serde_json::to_vec(shown).unwrap_or_default())
}

pub fn of_bytes(shown: &[u8]) -> i64 {
    // Keyed with zeros, so alike in every instance. Whoever makes two texts collide deceives only themselves.
    let mut hasher = DefaultHasher::new();
    hasher.write(shown);
    hasher.finish().cast_signed() & i64::MAX
}

/// Whether what is there is what the client's `If-Match`, if any, says it saw.
pub fn is_as_seen(request: &HeaderMap, present: &impl Serialize) -> bool {
    respond::check_if_match(request, of(present)).is_ok()
}
