//! Which of the stored variants of a file a client takes.

/// A variant that lies beside a file: `app.js.br` beside `app.js`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// Smallest first.
    pub const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    pub fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }

    /// Whether an `Accept-Encoding` takes it: it is named (or `*` is), and not with `q=0`.
    pub fn is_taken_by(self, accepted: &str) -> bool {
        let mut by_star = false;
        for part in accepted.split(',') {
            let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
            let quality = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            let takes = quality.is_ok_and(|quality| quality > 0.0);
            if name.trim().eq_ignore_ascii_case(self.token()) {
                return takes;
            }
            by_star |= name.trim() == "*" && takes;
        }
        by_star
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_taken_where_it_is_named_with_more_than_nothing() {
        for (accepted, brotli, gzip) in [
            ("gzip, deflate, br", true, true),
            ("gzip;q=0.5", false, true),
            ("br;q=0, *", false, true),
            ("br; q=0", false, false),
            ("*", true, true),
            ("*;q=0", false, false),
            ("", false, false),
            ("BR", true, false),
        ] {
            assert_eq!(Encoding::Brotli.is_taken_by(accepted), brotli, "{accepted:?}");
            assert_eq!(Encoding::Gzip.is_taken_by(accepted), gzip, "{accepted:?}");
        }
    }
}
