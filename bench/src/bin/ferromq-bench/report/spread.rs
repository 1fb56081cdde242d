//! The median of some figures, and their range.

use std::fmt;

/// A median with its range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// `None`: there are no figures.
    pub(crate) median: Option<f64>,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.filter(|figure| figure.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied();
        let last = sorted.len().saturating_sub(1);
        let middle = at(last / 2).zip(at(sorted.len() / 2));
        Self {
            median: middle.map(|(low, high)| f64::midpoint(low, high)),
            least: at(0).unwrap_or_default(),
            most: at(last).unwrap_or_default(),
        }
    }

    /// The median alone; `–` if nothing was measured.
    pub(crate) fn short(&self) -> String {
        self.median.map_or_else(|| "–".to_owned(), three_digits)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())?;
        if self.median.is_none() {
            return Ok(());
        }
        let (least, most) = (three_digits(self.least), three_digits(self.most));
        write!(f, " ({least}..{most})")
    }
}

/// Three digits or so: `0.042`, `1.23`, `45.6`, `789`, `12.3k`, `4.56M`.
pub(crate) fn three_digits(figure: f64) -> String {
    match figure {
        0.0 => "0".to_owned(),
        ..0.0995 => format!("{figure:.3}"),
        ..9.995 => format!("{figure:.2}"),
        ..99.95 => format!("{figure:.1}"),
        ..9_999.5 => format!("{figure:.0}"),
        ..99_950.0 => format!("{:.1}k", figure / 1e3),
        ..999_500.0 => format!("{:.0}k", figure / 1e3),
        ..99_950_000.0 => format!("{:.2}M", figure / 1e6),
        _ => format!("{:.0}M", figure / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_has_the_median_and_the_range() {
        let spread = Spread::of([30.0, 1.0, 2.0].into_iter());
        assert_eq!(spread.to_string(), "2.00 (1.00..30.0)");
        assert_eq!(Spread::of([1.0, 2.0].into_iter()).short(), "1.50");
        assert_eq!(Spread::of([].into_iter()).to_string(), "–");
    }

    #[test]
    fn figures_have_three_digits() {
        let figures = [
            0.0,
            0.0421,
            1.234,
            45.67,
            789.1,
            12_345.0,
            123_456.0,
            4_567_890.0,
        ];
        let texts = [
            "0", "0.042", "1.23", "45.7", "789", "12.3k", "123k", "4.57M",
        ];
        assert_eq!(figures.map(three_digits), texts);
    }
}
