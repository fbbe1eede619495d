//! A drawing of curves over the number of connections, or of something else,
//! both axes logarithmic.

use crate::contest::Measured;
use std::fmt::Write as _;

#[derive(Clone, Copy, Debug)]
pub enum Curve {
    /// Requests a second.
    Rate,
    /// The 99th percentile.
    P99,
    Cpu,
}

/// Measurements of programs or mixes for some numbers of connections or other sizes.
#[derive(Default)]
pub struct Plot {
    points: Vec<(&'static str, usize, Measured)>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const MARGIN: f64 = 60.0;
const COLOURS: [&str; 3] = ["#b03a2e", "#1f618d", "#1e8449"];

impl Plot {
    pub fn add(&mut self, program: &'static str, number: usize, measured: Measured) {
        self.points.push((program, number, measured));
    }

    pub fn draw(&self, title: &str, curve: Curve) -> String {
        let value = |measured: &Measured| match curve {
            Curve::Rate => measured.rate,
            Curve::P99 => measured.p99,
            Curve::Cpu => measured.cpu,
        };
        let points: Vec<_> =
            self.points.iter().map(|(who, x, seen)| (*who, *x as f64, value(seen))).collect();
        let across = Axis::over(points.iter().map(|point| point.1));
        let up = Axis::over(points.iter().map(|point| point.2));
        let x = |value: f64| MARGIN + across.place(value) * (WIDTH - 2.0 * MARGIN);
        let y = |value: f64| HEIGHT - MARGIN - up.place(value) * (HEIGHT - 2.0 * MARGIN);

        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{MARGIN}\" y=\"25\" font-size=\"15\">{title}</text>\n"
        );
        for tick in across.ticks() {
            let (at, bottom) = (x(tick), HEIGHT - MARGIN);
            line(&mut svg, [(at, MARGIN), (at, bottom)]);
            text(&mut svg, at - 8.0, bottom + 18.0, &tick.to_string());
        }
        for tick in up.ticks() {
            line(&mut svg, [(MARGIN, y(tick)), (WIDTH - MARGIN, y(tick))]);
            text(&mut svg, 8.0, y(tick) + 4.0, &tick.to_string());
        }
        let mut programs: Vec<_> = points.iter().map(|point| point.0).collect();
        programs.dedup();
        programs.sort_unstable();
        programs.dedup();
        for (program, colour) in programs.iter().zip(COLOURS) {
            let own = points.iter().filter(|point| point.0 == *program);
            let places: Vec<_> = own.map(|point| (x(point.1), y(point.2))).collect();
            let path: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                path.join(" ")
            );
            if let Some((x, y)) = places.last() {
                text(&mut svg, x - 50.0, y - 8.0, program);
            }
        }
        svg + "</svg>\n"
    }
}

struct Axis {
    from: i32,
    to: i32,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone) -> Axis {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::MIN_POSITIVE, f64::max);
        let from = least.log10().floor() as i32;
        Axis { from, to: (most.log10().ceil() as i32).max(from + 1) }
    }

    /// The position of a value on the axis, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.from..=self.to).map(|power| 10_f64.powi(power))
    }
}

fn line(svg: &mut String, [(x1, y1), (x2, y2)]: [(f64, f64); 2]) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ddd\"/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
}
