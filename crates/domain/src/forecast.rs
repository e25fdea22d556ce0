//! What the next months may bring, from the months there were.
//!
//! The method is exponential smoothing: **Holt–Winters with an additive season of twelve months and a
//! damped trend** where there are two years to learn a season from, **Holt's damped trend** where there
//! are four months or more, and the mean where there is less. The weights are those, of a fixed grid, with
//! which the series would have foretold its own next month best (least squared one-step error).
//! Hyndman & Athanasopoulos, *Forecasting: Principles and Practice*, ch. 8, has both methods.

/// Months in a season.
const SEASON: usize = 12;
/// How much of a trend goes on from one month to the next.
const DAMPING: f64 = 0.9;
const LEVEL_WEIGHTS: [f64; 5] = [0.1, 0.25, 0.4, 0.6, 0.8];
const TREND_WEIGHTS: [f64; 3] = [0.0, 0.1, 0.3];
const SEASON_WEIGHTS: [f64; 3] = [0.05, 0.2, 0.4];

/// The next `horizon` values of a monthly series, oldest first.
pub fn forecast(series: &[f64], horizon: usize) -> Vec<f64> {
    match series.len() {
        0 => vec![0.0; horizon],
        1..4 => vec![mean(series); horizon],
        length => {
            let seasonal = length >= 2 * SEASON;
            let season_weights: &[f64] = if seasonal { &SEASON_WEIGHTS } else { &[0.0] };
            let mut best: Option<Smoothed> = None;
            for level in LEVEL_WEIGHTS {
                for trend in TREND_WEIGHTS {
                    for season in season_weights {
                        let smoothed = smooth(series, level, trend, *season, seasonal);
                        if best.as_ref().is_none_or(|best| smoothed.error < best.error) {
                            best = Some(smoothed);
                        }
                    }
                }
            }
            best.map_or_else(|| vec![mean(series); horizon], |best| best.ahead(horizon))
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        0.0
    } else {
        values.iter().sum::<f64>() / values.len() as f64
    }
}

/// A series run through with one choice of weights.
struct Smoothed {
    level: f64,
    trend: f64,
    season: [f64; SEASON],
    /// The place in the season of the value after the last.
    next: usize,
    error: f64,
}

fn smooth(series: &[f64], alpha: f64, beta: f64, gamma: f64, seasonal: bool) -> Smoothed {
    let mut season = [0.0; SEASON];
    let (mut level, mut trend, start);
    if seasonal {
        // The season begins as how far the months of the first two years lie from their year's mean.
        let years: Vec<f64> = series.chunks_exact(SEASON).take(2).map(mean).collect();
        let (first, second) = (years[0], years[1]);
        for (place, value) in season.iter_mut().enumerate() {
            *value = ((series[place] - first) + (series[place + SEASON] - second)) / 2.0;
        }
        level = first;
        trend = (second - first) / SEASON as f64;
        start = 0;
    } else {
        level = series[0];
        trend = series[1] - series[0];
        start = 1;
    }
    let mut error = 0.0;
    for (at, value) in series.iter().enumerate().skip(start) {
        let place = at % SEASON;
        let expected = level + DAMPING * trend + season[place];
        error += (value - expected).powi(2);
        let before = level;
        level = alpha * (value - season[place]) + (1.0 - alpha) * (before + DAMPING * trend);
        trend = beta * (level - before) + (1.0 - beta) * DAMPING * trend;
        if seasonal {
            season[place] = gamma * (value - level) + (1.0 - gamma) * season[place];
        }
    }
    Smoothed {
        level,
        trend,
        season,
        next: series.len() % SEASON,
        error,
    }
}

impl Smoothed {
    fn ahead(&self, horizon: usize) -> Vec<f64> {
        let (mut damped, mut factor) = (0.0, 1.0);
        (0..horizon)
            .map(|step| {
                factor *= DAMPING;
                damped += factor;
                self.level + damped * self.trend + self.season[(self.next + step) % SEASON]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rents of a student house: growth, full terms and empty summers, and some noise (fixed seed).
    fn student_house(months: usize) -> Vec<f64> {
        const TERM: [f64; 12] = [1.05, 1.08, 1.06, 1.02, 0.98, 0.85, 0.7, 0.72, 1.1, 1.16, 1.15, 1.13];
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        (0..months)
            .map(|month| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let noise = (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
                (1_000_000.0 + 6_000.0 * month as f64) * TERM[month % 12] * (1.0 + 0.06 * noise)
            })
            .collect()
    }

    fn mean_error(expected: &[f64], real: &[f64]) -> f64 {
        let errors: Vec<f64> = expected.iter().zip(real).map(|(e, r)| ((e - r) / r).abs()).collect();
        mean(&errors)
    }

    #[test]
    fn held_out_months_are_foretold_better_than_by_last_year_or_last_month() {
        let series = student_house(48);
        let (mut smoothed, mut last_year, mut last_month) = (Vec::new(), Vec::new(), Vec::new());
        for cut in 30..=45 {
            let (known, held_out) = series.split_at(cut);
            let held_out = &held_out[..3];
            smoothed.push(mean_error(&forecast(known, 3), held_out));
            last_year.push(mean_error(&known[cut - 12..cut - 9], held_out));
            last_month.push(mean_error(&[known[cut - 1]; 3], held_out));
        }
        let [smoothed, last_year, last_month] = [smoothed, last_year, last_month].map(|errors| mean(&errors));
        println!(
            "mean absolute percentage error over 3 held-out months, 16 cuts: Holt–Winters {:.1} %, as last year {:.1} %, as last month {:.1} %",
            smoothed * 100.0,
            last_year * 100.0,
            last_month * 100.0
        );
        assert!(
            smoothed < last_year && smoothed < last_month && smoothed < 0.05,
            "{smoothed} {last_year} {last_month}"
        );
    }

    #[test]
    fn short_series_give_something_sensible() {
        assert_eq!(forecast(&[], 3), [0.0; 3]);
        assert_eq!(forecast(&[10.0, 20.0], 2), [15.0; 2]);
        let growing = forecast(&[10.0, 20.0, 30.0, 40.0, 50.0], 3);
        assert!(
            growing[0] > 50.0 && growing[2] > growing[0] && growing[2] < 90.0,
            "{growing:?}"
        );
        let level = forecast(&[7.0; 30], 3);
        assert!(level.iter().all(|value| (value - 7.0).abs() < 1e-9));
    }
}
