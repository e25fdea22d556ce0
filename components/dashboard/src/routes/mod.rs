pub mod gauges;
pub mod stats;
