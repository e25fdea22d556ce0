//! Figures of several rounds, and their report.

use std::time::Duration;

/// One figure of each round.
pub struct Figure {
    name: String,
    unit: &'static str,
    rounds: Vec<f64>,
}

impl Figure {
    pub fn new(name: impl Into<String>, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            unit,
            rounds: Vec::new(),
        }
    }

    pub fn add(&mut self, value: f64) {
        println!(
            "{}",
            serde_json::json!({"figure": self.name, "unit": self.unit, "round": self.rounds.len() + 1, "value": value})
        );
        self.rounds.push(value);
    }

    /// The ratios to another figure, round by round.
    pub fn over(&self, other: &Self) -> Self {
        Self {
            name: format!("{} / {}", self.name, other.name),
            unit: "×",
            rounds: self
                .rounds
                .iter()
                .zip(&other.rounds)
                .map(|(one, other)| one / other)
                .collect(),
        }
    }

    /// Prints the figures. `goal` is the figure of `spec/quality.md`.
    pub fn print(&self, goal: &str) {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else {
            return;
        };
        let median = sorted[sorted.len() / 2];
        println!(
            "{:<58} {min:>10.2} {median:>10.2} {max:>10.2} {:<12} {goal}",
            self.name, self.unit
        );
    }
}

pub fn headings(title: &str) {
    println!(
        "\n{title:<58} {:>10} {:>10} {:>10} {:<12} goal (median)",
        "min", "median", "max", ""
    );
}

/// The quantile `share` of the times, in milliseconds.
pub fn quantile(times: &mut [Duration], share: f64) -> f64 {
    if times.is_empty() {
        return f64::NAN;
    }
    times.sort_unstable();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    let at = ((times.len() - 1) as f64 * share).round() as usize;
    times[at].as_secs_f64() * 1_000.0
}
