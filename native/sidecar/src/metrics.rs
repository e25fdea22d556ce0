//! What Prometheus reads at `/api/v1/metrics`, under the names of the seeds.
//!
//! Every name is there from the start: a counter that has not moved is a 0, not a gap.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use nexus_domain::company_gauges::CompanyState;
use nexus_domain::statement_times::STATEMENT_BOUNDS;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::edge::counts::{Counts, SignIn};

#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    http_requests: IntCounterVec,
    http_duration: HistogramVec,
    db_queries: IntCounter,
    db_duration: Histogram,
    db_connections: IntGauge,
    auth_attempts: IntCounter,
    auth_success: IntCounter,
    auth_failures: IntCounterVec,
    cache_hits: IntCounter,
    cache_misses: IntCounter,
    companies: Companies,
    routes: Arc<RwLock<HashSet<String>>>,
    /// How many database connections the host has open, where we can ask it.
    open_connections: Option<Arc<dyn Fn() -> u64 + Send + Sync>>,
}

/// By company. Without any there is one series with an empty label, which is none to Prometheus.
#[derive(Clone)]
struct Companies {
    active_tenants: IntGaugeVec,
    active_occupancies: IntGaugeVec,
    revenue: IntGaugeVec,
    shown: Arc<Mutex<HashSet<String>>>,
}

impl Companies {
    fn new() -> Result<Self, prometheus::Error> {
        let by_company = |name, help| IntGaugeVec::new(Opts::new(name, help), &["company"]);
        let companies = Self {
            active_tenants: by_company("active_tenants_total", "Tenants who live somewhere now, by company.")?,
            active_occupancies: by_company("active_occupancies_total", "Active occupancies, by company.")?,
            revenue: by_company(
                "total_revenue",
                "Payments less reversals in minor units of the company's currency, by company.",
            )?,
            shown: Arc::default(),
        };
        for gauge in companies.all() {
            gauge.with_label_values(&[""]);
        }
        Ok(companies)
    }

    fn all(&self) -> [&IntGaugeVec; 3] {
        [&self.active_tenants, &self.active_occupancies, &self.revenue]
    }

    fn forget(&self, company: &str) {
        for gauge in self.all() {
            // One that isn't there is as good as forgotten.
            let _ = gauge.remove_label_values(&[company]);
        }
    }

    fn show(&self, companies: &[CompanyState]) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for company in companies {
            let slug = company.slug.as_str();
            if let Some(gauges) = &company.gauges {
                self.active_tenants
                    .with_label_values(&[slug])
                    .set(gauges.active_tenants);
                self.active_occupancies
                    .with_label_values(&[slug])
                    .set(gauges.active_occupancies);
                self.revenue.with_label_values(&[slug]).set(gauges.revenue);
            }
        }
        let now: HashSet<String> = companies.iter().map(|company| company.slug.clone()).collect();
        for gone in shown.difference(&now) {
            self.forget(gone);
        }
        if !now.is_empty() {
            self.forget("");
        }
        *shown = now;
    }
}

const HTTP_BUCKETS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Ids are taken out of the labels, but a client can still invent paths: those share one label. A
/// route gets a label of its own once it has been answered with something other than a refusal.
const MOST_ROUTES: usize = 1_000;
const UNMATCHED: &str = "unmatched";
/// Of more statements than this of one request and bucket, the histogram takes so many; `db_queries_total` has all.
const MOST_OBSERVED: u64 = 10_000;

impl Metrics {
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            http_requests: IntCounterVec::new(
                Opts::new("http_requests_total", "HTTP requests, by method, route and status."),
                &["method", "route", "status"],
            )?,
            http_duration: HistogramVec::new(
                HistogramOpts::new(
                    "http_request_duration_seconds",
                    "Time until the head of the answer was ready.",
                )
                .buckets(HTTP_BUCKETS.to_vec()),
                &["method", "route", "status"],
            )?,
            db_queries: IntCounter::new("db_queries_total", "Database statements run by the components.")?,
            db_duration: Histogram::with_opts(
                HistogramOpts::new("db_query_duration_seconds", "Time of a database statement.")
                    .buckets(statement_bounds()),
            )?,
            db_connections: IntGauge::new("db_connections_active", "Open database connections.")?,
            auth_attempts: IntCounter::new("auth_attempts_total", "Sign-ins tried.")?,
            auth_success: IntCounter::new("auth_success_total", "Sign-ins that succeeded.")?,
            auth_failures: IntCounterVec::new(
                Opts::new("auth_failures_total", "Sign-ins refused, by reason."),
                &["reason"],
            )?,
            cache_hits: IntCounter::new("cache_hits_total", "Answers found in a cache.")?,
            cache_misses: IntCounter::new("cache_misses_total", "Answers a cache did not have.")?,
            companies: Companies::new()?,
            routes: Arc::default(),
            registry,
            open_connections: None,
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let registry = &self.registry;
        registry.register(Box::new(self.http_requests.clone()))?;
        registry.register(Box::new(self.http_duration.clone()))?;
        registry.register(Box::new(self.db_queries.clone()))?;
        registry.register(Box::new(self.db_duration.clone()))?;
        registry.register(Box::new(self.db_connections.clone()))?;
        registry.register(Box::new(self.auth_attempts.clone()))?;
        registry.register(Box::new(self.auth_success.clone()))?;
        registry.register(Box::new(self.auth_failures.clone()))?;
        registry.register(Box::new(self.cache_hits.clone()))?;
        registry.register(Box::new(self.cache_misses.clone()))?;
        self.http_requests.with_label_values(&["GET", "/api/v1/health", "200"]);
        self.http_duration.with_label_values(&["GET", "/api/v1/health", "200"]);
        self.auth_failures.with_label_values(&["invalid_credentials"]);
        for gauge in self.companies.all() {
            registry.register(Box::new(gauge.clone()))?;
        }
        Ok(())
    }

    pub fn with_open_connections(mut self, count: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        self.open_connections = Some(count);
        self
    }

    /// What is known of companies now; those that are gone are shown no more.
    pub fn show_companies(&self, companies: &[CompanyState]) {
        self.companies.show(companies);
    }

    pub fn observe_request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let route = if self.is_real(route, status) { route } else { UNMATCHED };
        let method = match method {
            "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS" => method,
            _ => "OTHER",
        };
        let mut digits = [0; 3];
        let labels = [method, route, status_text(status, &mut digits)];
        self.http_requests.with_label_values(&labels).inc();
        self.http_duration
            .with_label_values(&labels)
            .observe(took.as_secs_f64());
    }

    fn is_real(&self, route: &str, status: u16) -> bool {
        // A set is never left half-changed, so a poisoned lock is still good.
        if self
            .routes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(route)
        {
            return true;
        }
        if (400..500).contains(&status) {
            return false;
        }
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.len() < MOST_ROUTES && routes.insert(route.to_owned())
    }

    pub fn observe_counts(&self, counts: &Counts) {
        self.db_queries.inc_by(counts.queries);
        for share in &counts.queries_by_time {
            // The mean of a bucket is in the bucket, and as many times the mean is the sum. Both are far below 2^52.
            #[allow(clippy::cast_precision_loss)]
            let mean = share.micros as f64 / share.queries as f64 / 1e6;
            for _ in 0..share.queries.min(MOST_OBSERVED) {
                self.db_duration.observe(mean);
            }
        }
        self.cache_hits.inc_by(counts.cache_hits);
        self.cache_misses.inc_by(counts.cache_misses);
        match &counts.sign_in {
            None => {}
            Some(SignIn::Succeeded) => {
                self.auth_attempts.inc();
                self.auth_success.inc();
            }
            Some(SignIn::Failed { reason }) => {
                self.auth_attempts.inc();
                self.auth_failures.with_label_values(&[reason]).inc();
            }
        }
    }

    /// The exposition text, format 0.0.4.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        if let Some(count) = &self.open_connections {
            self.db_connections.set(i64::try_from(count()).unwrap_or(i64::MAX));
        }
        let mut text = Vec::with_capacity(8 * 1024);
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// In seconds.
fn statement_bounds() -> Vec<f64> {
    #[allow(clippy::cast_precision_loss)]
    STATEMENT_BOUNDS.iter().map(|micros| *micros as f64 / 1e6).collect()
}

/// Three digits without an allocation; this runs for every request.
fn status_text(status: u16, digits: &mut [u8; 3]) -> &str {
    for (place, divisor) in digits.iter_mut().zip([100, 10, 1]) {
        // A digit is below 10.
        *place = b'0' + u8::try_from(status / divisor % 10).unwrap_or_default();
    }
    std::str::from_utf8(digits).unwrap_or("000")
}

#[cfg(test)]
mod tests {
    use nexus_domain::company_gauges::CompanyGauges;

    use super::*;
    use crate::edge::counts::Share;

    #[test]
    fn every_name_of_the_seeds_is_there_before_anything_happened() {
        let text = Metrics::new().and_then(|metrics| metrics.text()).expect("metrics");
        for name in [
            "http_requests_total",
            "http_request_duration_seconds_bucket",
            "db_queries_total",
            "db_query_duration_seconds_bucket",
            "db_connections_active",
            "auth_attempts_total",
            "auth_success_total",
            "auth_failures_total",
            "cache_hits_total",
            "cache_misses_total",
            "active_tenants_total",
            "active_occupancies_total",
            "total_revenue",
        ] {
            let shown = text.lines().any(|line| line.starts_with(name) && line.ends_with(" 0"));
            assert!(shown, "{name} is missing:\n{text}");
        }
    }

    #[test]
    fn counts_and_requests_show() {
        let metrics = Metrics::new().expect("metrics");
        metrics.observe_request("GET", "/api/v1/chats", 200, Duration::from_millis(3));
        metrics.observe_request("BREW", "/api/v1/invented/by/somebody", 404, Duration::from_millis(3));
        metrics.observe_counts(&Counts {
            queries: 3,
            query_micros: 5_400,
            queries_by_time: vec![
                Share {
                    queries: 2,
                    micros: 150,
                },
                Share {
                    queries: 1,
                    micros: 5_250,
                },
            ],
            sign_in: Some(SignIn::Failed { reason: "x".to_owned() }),
            ..Counts::default()
        });
        let text = metrics.text().expect("text");
        for line in [
            r#"http_requests_total{method="GET",route="/api/v1/chats",status="200"} 1"#,
            r#"http_requests_total{method="OTHER",route="unmatched",status="404"} 1"#,
            "db_queries_total 3",
            "db_query_duration_seconds_count 3",
            // A slow statement stands out among fast ones of the same request.
            r#"db_query_duration_seconds_bucket{le="0.0001"} 2"#,
            r#"db_query_duration_seconds_bucket{le="0.005"} 2"#,
            r#"db_query_duration_seconds_bucket{le="0.01"} 3"#,
            "auth_attempts_total 1",
            r#"auth_failures_total{reason="x"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is missing:\n{text}");
        }
    }

    #[test]
    fn companies_come_change_and_go() {
        let metrics = Metrics::new().expect("metrics");
        let company = |slug: &str, revenue: Option<i64>| CompanyState {
            slug: slug.to_owned(),
            version: 1,
            gauges: revenue.map(|revenue| CompanyGauges {
                active_tenants: 3,
                active_occupancies: 2,
                revenue,
            }),
        };
        metrics.show_companies(&[company("a", Some(5)), company("b", Some(7))]);
        // Nothing new of `a`, and `b` is gone.
        metrics.show_companies(&[company("a", None)]);
        let text = metrics.text().expect("text");
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("total_revenue{")).collect();
        assert_eq!(lines, [r#"total_revenue{company="a"} 5"#]);
        assert!(text.contains(r#"active_tenants_total{company="a"} 3"#));
        assert!(text.contains(r#"active_occupancies_total{company="a"} 2"#));
    }
}
