//! The figures as pictures.

use std::error::Error;
use std::path::Path;

use corokit_benches::overload::Latencies;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

type Result = std::result::Result<(), Box<dyn Error>>;

const SIZE: (u32, u32) = (800, 480);

/// A chart with numbers from left to right, and powers of ten upwards.
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, LogCoord<f64>>>;

/// One colour and width for each contestant. The first three do the same, so their lines lie on top of each other.
const LINES: [(RGBColor, u32); 5] = [
    (RGBColor(240, 190, 60), 8),
    (RGBColor(86, 180, 233), 5),
    (RGBColor(90, 90, 90), 2),
    (RGBColor(204, 51, 17), 2),
    (RGBColor(0, 119, 136), 2),
];

/// Draws which latency which share of the urgent requests does not exceed.
pub(crate) fn latencies(file: &Path, load: f64, all: &[(&str, Latencies)]) -> Result {
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    // The shares near 1 are what counts: 0.9, 0.99, 0.999 are at 1, 2, 3.
    let most = 4.0;
    let mut chart = ChartBuilder::on(&area)
        .caption(
            format!("Urgent requests at {:.0} % load", load * 100.0),
            ("sans-serif", 20),
        )
        .margin(20)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..most, (0.01..10_000.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("share of the requests")
        .y_desc("latency, ms")
        .x_labels(5)
        .x_label_formatter(&share)
        .y_label_formatter(&|ms| format!("{ms}"))
        .draw()?;
    for ((name, latencies), (colour, width)) in all.iter().zip(LINES) {
        let points = (0..=160).map(|step| {
            let nines = f64::from(step) / 160.0 * most;
            let ns = Latencies::at(&latencies.urgent, 1.0 - 10f64.powf(-nines));
            (nines, ns as f64 / 1e6)
        });
        let style = colour.stroke_width(width);
        let line = chart.draw_series(LineSeries::new(points, style))?;
        line.label(*name).legend(move |at| sample(at, style));
    }
    name_lines(&mut chart)?;
    Ok(area.present()?)
}

/// Names a share by the number of its nines.
fn share(nines: &f64) -> String {
    match nines.round() as usize {
        0 => "0 %".to_owned(),
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        more => format!("99.{} %", "9".repeat(more - 2)),
    }
}

/// Draws how long an urgent task waits for a lock, by how many others are in between.
pub(crate) fn inversion<const N: usize>(
    file: &Path,
    hogs: &[usize; N],
    all: &[(&str, [u64; N])],
) -> Result {
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "Waiting for a lock that a low task needs for 0.9 ms more",
            ("sans-serif", 20),
        )
        .margin(20)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..50.0, (0.5..200.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("tasks of normal priority, each with 2 ms of work")
        .y_desc("wait of the urgent task, ms")
        .draw()?;
    for ((name, waits), (colour, width)) in all.iter().zip(LINES) {
        let points = hogs.iter().zip(waits);
        let points = points.map(|(hogs, ns)| (*hogs as f64, *ns as f64 / 1e6));
        let style = colour.stroke_width(width);
        let line = chart.draw_series(LineSeries::new(points, style))?;
        line.label(*name).legend(move |at| sample(at, style));
    }
    name_lines(&mut chart)?;
    Ok(area.present()?)
}

/// Draws a piece of a line for the list of names.
fn sample((x, y): (i32, i32), style: ShapeStyle) -> PathElement<(i32, i32)> {
    PathElement::new([(x, y), (x + 20, y)], style)
}

/// Draws the list of names.
fn name_lines(chart: &mut Chart<'_>) -> Result {
    let labels = &mut chart.configure_series_labels();
    let labels = labels.position(SeriesLabelPosition::MiddleRight);
    let labels = labels.background_style(WHITE.mix(0.8));
    Ok(labels.border_style(BLACK.mix(0.3)).draw()?)
}
