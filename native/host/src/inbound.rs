//! Requests to the application: routes, `Spin-*` headers, and the responses that the host gives by itself.

pub mod config;
pub mod headers;
pub mod responses;
pub mod routes;
