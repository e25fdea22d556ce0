//! The Spin interfaces, generated from `wit/`.

wasmtime::component::bindgen!({
    path: "wit",
    world: "spin-imports",
    imports: {
        // `async`: a call that may wait for a lock mustn't hold the runtime's thread. When the answer is ready at
        // once, as with most reads, nothing is suspended.
        "spin:sqlite/sqlite.[method]connection.execute": async | trappable,
        "spin:sqlite/sqlite.[method]connection.changes": async | trappable,
        "spin:sqlite/sqlite.[method]connection.last-insert-rowid": async | trappable,
        default: trappable,
    },
    with: {
        "spin:sqlite/sqlite.connection": crate::sqlite::Connection,
        "spin:key-value/key-value.store": crate::key_value::Store,
    },
});

pub use spin::key_value::key_value;
pub use spin::sqlite::sqlite;
pub use spin::variables::variables;
