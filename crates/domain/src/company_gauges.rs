//! Gauges of companies for monitoring: the request of the sidecar and the answer of the `dashboard` component.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The maximum number of companies that monitoring shows, the oldest first: each is a series of its own.
pub const MAX_COMPANIES: usize = 1_000;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GaugesRequest {
    /// By slug, the version of the company's state that the caller has already.
    pub known: BTreeMap<String, i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GaugesResponse {
    pub companies: Vec<CompanyState>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyState {
    pub slug: String,
    pub version: i64,
    /// `None` when the caller has this version already.
    pub gauges: Option<CompanyGauges>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompanyGauges {
    pub active_tenants: i64,
    pub active_occupancies: i64,
    /// Payments less reversals, in minor units of the company's currency.
    pub revenue: i64,
}
