//! What monitoring shows of companies: what the sidecar asks the `dashboard` component for, one type for both sides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub const PATH: &str = "/internal/dashboard/gauges";
/// The most companies that monitoring shows, by age: each is a series of its own.
pub const MAX_COMPANIES: usize = 1_000;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GaugesAsked {
    /// What the asker has, by slug: the version of the company's state that it is of.
    pub known: BTreeMap<String, i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GaugesTold {
    pub companies: Vec<CompanyState>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyState {
    pub slug: String,
    pub version: i64,
    /// Left out when the asker has those of this version.
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
