//! Something that was changed, as it was and as it is.

/// What a change is written down from. Both sides are alike when the change came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited<T> {
    pub before: T,
    pub after: T,
}

impl<T: Clone> Edited<T> {
    pub(crate) fn unchanged(row: T) -> Self {
        Self {
            before: row.clone(),
            after: row,
        }
    }
}
