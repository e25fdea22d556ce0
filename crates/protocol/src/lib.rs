//! What the native side and the components say to each other over HTTP: paths, headers, signatures, calls and events.
//!
//! Both sides use these types, so neither can drift. The crate does no I/O and holds no rule of the product; types that
//! the store returns are in `nexus_domain`.

pub mod edge;
mod event_name;
pub mod headers;
pub mod job_paths;
pub mod relay;
pub mod relay_calls;
pub mod signature;

pub use event_name::EventName;

/// Path that the sidecar asks for the gauges of companies: takes [`nexus_domain::company_gauges::GaugesRequest`], answers
/// [`nexus_domain::company_gauges::GaugesResponse`].
pub const COMPANY_GAUGES: &str = "/internal/dashboard/gauges";
