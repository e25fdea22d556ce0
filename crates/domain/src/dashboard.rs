//! What a company's dashboard shows, and how it comes from the counted rows.

use serde::Serialize;
use utoipa::ToSchema;

use crate::Timestamp;
use crate::date::Month;
use crate::forecast::forecast;
use crate::ids::CompanyId;
use crate::money::Currency;

/// How many months the series shows.
pub const SERIES_MONTHS: i32 = 12;
/// How many months the forecast learns from.
pub const HISTORY_MONTHS: i32 = 36;
/// How many months ahead it looks.
pub const FORECAST_MONTHS: usize = 3;

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DashboardStats {
    pub company_id: CompanyId,
    pub generated_at: Timestamp,
    pub compounds: i64,
    pub apartments: ApartmentCounts,
    /// Occupied apartments of all apartments, 0 to 1.
    pub occupancy_rate: f64,
    pub tenants: TenantCounts,
    pub occupancies: OccupancyCounts,
    pub invoices: InvoiceCounts,
    pub revenue: Revenue,
    /// Exponential smoothing: Holt–Winters from two years of months on, else Holt's damped trend.
    pub forecast: Vec<ForecastMonth>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApartmentCounts {
    pub total: i64,
    pub vacant: i64,
    pub occupied: i64,
    pub maintenance: i64,
    pub inactive: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantCounts {
    pub total: i64,
    /// Those who hold an apartment now.
    pub active: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct OccupancyCounts {
    pub active: i64,
    #[serde(rename = "endingWithin30Days")]
    pub ending_within_30_days: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceCounts {
    /// Issued and not yet paid in full, the late ones included.
    pub issued: i64,
    pub overdue: i64,
    pub outstanding_amount: i64,
    pub overdue_amount: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revenue {
    pub currency: Currency,
    pub this_month: i64,
    pub last_month: i64,
    pub total: i64,
    /// Twelve months, oldest first, this one last.
    pub series: Vec<MonthRevenue>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonthRevenue {
    pub month: Month,
    /// Invoiced, by invoice date, void ones left out.
    pub billed: i64,
    /// Paid, by payment date, reversals taken off.
    pub collected: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastMonth {
    pub month: Month,
    pub revenue: i64,
    pub occupancy_rate: f64,
}

/// To four decimals: more would be noise.
pub fn rate(part: i64, whole: i64) -> f64 {
    if whole <= 0 {
        0.0
    } else {
        rounded(part as f64 / whole as f64)
    }
}

fn rounded(rate: f64) -> f64 {
    (rate * 10_000.0).round() / 10_000.0
}

/// The months after `this_month`, from full months of revenue and of occupancy rates, each oldest first and
/// ending with the month before `this_month`.
pub fn forecast_months(this_month: Month, revenue: &[f64], occupancy: &[f64]) -> Vec<ForecastMonth> {
    // The first step ahead is the present month, which is not over and so not in the history.
    let revenue = forecast(revenue, FORECAST_MONTHS + 1);
    let occupancy = forecast(occupancy, FORECAST_MONTHS + 1);
    (1..=3_i32)
        .zip(revenue.into_iter().zip(occupancy).skip(1))
        .map(|(ahead, (revenue, occupancy))| ForecastMonth {
            month: this_month.plus(ahead),
            revenue: revenue.max(0.0).round() as i64,
            occupancy_rate: rounded(occupancy.clamp(0.0, 1.0)),
        })
        .collect()
}

/// A history without the months before anything happened, so that a young company isn't told it grew from nothing.
pub fn since_first(months: &[f64]) -> &[f64] {
    let first = months.iter().position(|value| *value > 0.0).unwrap_or(months.len());
    &months[first..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forecast_is_for_the_three_months_after_this_one() {
        let months = forecast_months("2026-11".parse().unwrap(), &[100.0; 30], &[0.9; 30]);
        let named: Vec<_> = months.iter().map(|month| month.month.to_string()).collect();
        assert_eq!(named, ["2026-12", "2027-01", "2027-02"]);
        assert!(
            months
                .iter()
                .all(|month| month.revenue == 100 && month.occupancy_rate == 0.9)
        );
    }

    #[test]
    fn rates_are_parts_of_a_whole() {
        assert_eq!(rate(1, 3), 0.3333);
        assert_eq!(rate(0, 0), 0.0);
    }
}
