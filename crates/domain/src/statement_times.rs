//! The histogram of statement times: one set of bucket bounds for components, which sort, and the edge, which exports.

/// Upper bounds of the buckets, in microseconds. A component reports the count and the sum of each bucket, so that the
/// edge can put every statement into the right bucket of its own histogram.
pub const STATEMENT_BOUNDS: [u64; 11] = [
    100, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 1_000_000,
];
