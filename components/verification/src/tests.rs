//! The component's router as a whole, over a database in memory.

mod support;

mod administration;
mod decisions;
mod documents;
mod lists;
