//! A line chart as SVG: categories from left to right, a logarithmic scale upwards.

use std::fmt::Write;

use super::Spread;
use super::spread::three_digits;

/// What is drawn.
pub(super) struct Chart {
    pub(super) title: String,
    /// What the scale upwards counts.
    pub(super) unit: &'static str,
    /// The names of the places from left to right.
    pub(super) places: Vec<String>,
    pub(super) lines: Vec<Line>,
}

/// One line of a chart.
pub(super) struct Line {
    pub(super) name: String,
    /// By place; a place without a median is left out.
    pub(super) points: Vec<Spread>,
}

/// The picture, and within it the area that the scales enclose.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 600.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 372.0;

/// Colours that differ for everybody (Okabe and Ito); the first is ours.
const COLOURS: [&str; 7] = [
    "#d55e00", "#0072b2", "#666666", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];

impl Chart {
    /// The picture; `None` if there is nothing to draw.
    pub(super) fn svg(&self) -> Option<String> {
        let scale = Scale::around(self.lines.iter().flat_map(|line| &line.points))?;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
        );
        svg += &text(
            LEFT,
            24.0,
            "start",
            &format!("{}, {}", self.title, self.unit),
        );
        for value in scale.ticks() {
            let y = scale.y(value);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#dddddd\"/>"
            );
            svg += &text(LEFT - 8.0, y + 4.0, "end", &tick(value));
        }
        for (index, place) in self.places.iter().enumerate() {
            svg += &text(self.x(index), BOTTOM + 22.0, "middle", place);
        }
        let mut labels = Labels::default();
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            svg += &self.line(line, colour, &scale, &mut labels);
        }
        svg += "</svg>\n";
        Some(svg)
    }

    /// A line through the medians, with the ranges, and its name at its end.
    fn line(&self, line: &Line, colour: &str, scale: &Scale, labels: &mut Labels) -> String {
        let mut svg = String::new();
        let mut path = String::new();
        let mut end = None;
        for (index, spread) in line.points.iter().enumerate() {
            let Some(median) = spread.median else {
                continue;
            };
            let (x, y) = (self.x(index), scale.y(median));
            let (low, high) = (scale.y(spread.least), scale.y(spread.most));
            let _ = write!(
                path,
                "{}{x:.1} {y:.1}",
                if path.is_empty() { 'M' } else { 'L' }
            );
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {low:.1}V{high:.1}\" stroke=\"{colour}\" opacity=\"0.5\"/>\n\
                 <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"
            );
            end = Some(y);
        }
        if let Some(y) = end {
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
                 <g fill=\"{colour}\">{}</g>",
                text(RIGHT + 12.0, labels.place(y) + 4.0, "start", &line.name).trim_end()
            );
        }
        svg
    }

    fn x(&self, index: usize) -> f64 {
        let step = (RIGHT - LEFT) / self.places.len() as f64;
        LEFT + step * (index as f64 + 0.5)
    }
}

/// The logarithmic scale.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// One that holds all points.
    fn around<'a>(points: impl Iterator<Item = &'a Spread>) -> Option<Self> {
        let mut scale = Self {
            low: f64::INFINITY,
            high: 0.0,
        };
        for point in points.filter(|point| point.median.is_some() && point.least > 0.0) {
            scale.low = scale.low.min(point.least);
            scale.high = scale.high.max(point.most);
        }
        (scale.high > 0.0).then_some(Self {
            low: scale.low / 1.3,
            high: scale.high * 1.3,
        })
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        BOTTOM - share * (BOTTOM - TOP)
    }

    /// Round values: 1, 2 and 5 of each decade, or only 1 if these would be many.
    fn ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let steps = if decades > 2.5 {
            &[1.0][..]
        } else {
            &[1.0, 2.0, 5.0]
        };
        let exponents = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let values = exponents
            .flat_map(|exponent| steps.iter().map(move |step| step * 10_f64.powi(exponent)));
        values
            .filter(|value| (self.low..self.high).contains(value))
            .collect()
    }
}

/// Where names are, so that none covers another.
#[derive(Default)]
struct Labels(Vec<f64>);

impl Labels {
    /// A height near this one that is free.
    fn place(&mut self, y: f64) -> f64 {
        const APART: f64 = 16.0;
        let is_free = |y: f64, taken: &[f64]| taken.iter().all(|other| (y - other).abs() >= APART);
        let steps = (0..40).flat_map(|step| [f64::from(step) * 4.0, f64::from(step) * -4.0]);
        let free = steps.map(|step| y + step).find(|&y| is_free(y, &self.0));
        let place = free.unwrap_or(y);
        self.0.push(place);
        place
    }
}

/// `1M`, `200k`, `0.5`.
fn tick(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", value / 1e6),
        1e3.. => format!("{}k", value / 1e3),
        1.0.. => value.to_string(),
        _ => three_digits(value),
    }
}

fn text(x: f64, y: f64, anchor: &str, content: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{content}</text>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[f64]) -> Chart {
        let spread = |&value| Spread::of([value].into_iter());
        Chart {
            title: "one-way".to_owned(),
            unit: "/s",
            places: vec!["16 B".to_owned(), "64 B".to_owned()],
            lines: vec![Line {
                name: "ferromq".to_owned(),
                points: points.iter().map(spread).collect(),
            }],
        }
    }

    #[test]
    fn chart_has_its_points_places_and_names() {
        let svg = chart(&[1e6, 2e6]).svg().unwrap();
        assert_eq!(svg.matches("<circle").count(), 2);
        for part in ["one-way, /s", "16 B", "64 B", "ferromq", ">1M<", ">2M<"] {
            assert!(svg.contains(part), "{part}");
        }
    }

    #[test]
    fn higher_values_are_higher_up() {
        let points = [1.0, 10.0, 100.0].map(|value| Spread::of([value].into_iter()));
        let scale = Scale::around(points.iter()).unwrap();
        let [low, middle, high] = [1.0, 10.0, 100.0].map(|value| scale.y(value));
        assert!(BOTTOM >= low && low > middle && middle > high && high >= TOP);
        assert!((low - middle - (middle - high)).abs() < 1e-6);
    }

    #[test]
    fn nothing_measured_is_not_drawn() {
        assert!(chart(&[]).svg().is_none());
    }

    #[test]
    fn names_do_not_cover_each_other() {
        let mut labels = Labels::default();
        let mut places = [100.0, 101.0, 99.0].map(|y| labels.place(y));
        places.sort_by(f64::total_cmp);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 16.0));
    }
}
