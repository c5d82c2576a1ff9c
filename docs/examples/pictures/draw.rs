//! Makes an SVG of a trace: a row for each task, a column for each step.

use std::fmt::Write as _;

use crate::trace::{Cell, Trace};

/// The side of a cell, in pixels.
const SIDE: usize = 24;
/// Where the cells begin.
const LEFT: usize = 100;
const TOP: usize = 60;
/// The narrowest picture: the legend needs that much.
const NARROWEST: usize = 520;

/// Draws a trace.
pub(crate) fn svg(title: &str, trace: &Trace) -> String {
    let steps = trace.rows.iter().map(|(_, cells)| cells.len()).max();
    let steps = steps.unwrap_or_default();
    let width = NARROWEST.max(LEFT + steps * SIDE + 20);
    let below = TOP + trace.rows.len() * SIDE;
    let height = below + 48;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>{title}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    text(&mut svg, 12, 22, "start", "#000000", title);
    text(&mut svg, LEFT - 10, TOP - 10, "end", "#808080", "step");
    for step in 0..steps {
        let x = LEFT + step * SIDE + SIDE / 2;
        let number = (step + 1).to_string();
        text(&mut svg, x, TOP - 10, "middle", "#808080", &number);
    }
    for (row, (name, cells)) in trace.rows.iter().enumerate() {
        let y = TOP + row * SIDE;
        text(&mut svg, LEFT - 10, y + 17, "end", "#000000", name);
        for (step, of) in cells.iter().enumerate() {
            cell(&mut svg, LEFT + step * SIDE, y, *of);
        }
    }
    let mut x = LEFT;
    for (example, meaning, room) in [
        (Cell::Running, "runs", 75),
        (Cell::Ready(2), "ready, 2 before it", 165),
        (Cell::Blocked, "waits", 0),
    ] {
        cell(&mut svg, x, below + 12, example);
        text(
            &mut svg,
            x + SIDE + 6,
            below + 29,
            "start",
            "#404040",
            meaning,
        );
        x += SIDE + 6 + room;
    }
    svg + "</svg>\n"
}

fn cell(svg: &mut String, x: usize, y: usize, cell: Cell) {
    let (fill, mark, ink) = match cell {
        Cell::Absent => return,
        Cell::Blocked => ("#ffffff", "\u{2013}".to_owned(), "#808080"),
        Cell::Ready(place) => ("#dfe7f2", place.to_string(), "#40608f"),
        Cell::Running => ("#1f5fbf", "\u{25cf}".to_owned(), "#ffffff"),
    };
    let (left, top, side) = (x + 1, y + 1, SIDE - 2);
    let _ = writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{side}\" height=\"{side}\" rx=\"3\" fill=\"{fill}\"/>"
    );
    text(svg, x + SIDE / 2, y + 17, "middle", ink, &mark);
}

fn text(svg: &mut String, x: usize, y: usize, anchor: &str, ink: &str, text: &str) {
    debug_assert!(
        !text.contains(['<', '&']),
        "{text} would have to be escaped"
    );
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"{ink}\">{text}</text>"
    );
}
