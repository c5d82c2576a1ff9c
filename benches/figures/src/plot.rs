//! The pictures: for each line of an area, how many times corokit's cost each contestant has.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::run::{Line, Role, Row, Run};

/// A picture, as SVG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plotted {
    /// The name of the file.
    pub file: String,
    /// Its text.
    pub svg: String,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const WIDTH: i32 = 960;
/// Where the titles of the lines end, and the scale begins and ends.
const LEFT: i32 = 400;
const RIGHT: i32 = WIDTH - 30;
/// What the heading takes, each line, the numbers of the scale, and a row of the names of contestants.
const TOP: i32 = 44;
const LINE: i32 = 22;
const SCALE: i32 = 44;
const NAMES: i32 = 20;

const OURS: RGBColor = RGBColor(0, 119, 136);
const FLOOR: RGBColor = RGBColor(130, 130, 130);
const GRID: RGBColor = RGBColor(225, 225, 225);
const TEXT: RGBColor = RGBColor(40, 40, 40);

/// Colours that can be told apart by nearly everybody; with more contestants than colours, the shape changes.
const PEERS: [RGBColor; 7] = [
    RGBColor(230, 159, 0),
    RGBColor(204, 51, 17),
    RGBColor(86, 120, 233),
    RGBColor(170, 60, 160),
    RGBColor(110, 80, 50),
    RGBColor(0, 0, 0),
    RGBColor(90, 170, 60),
];

/// How a contestant is drawn.
#[derive(Clone, Copy)]
enum Mark {
    /// A filled circle for what is called corokit, an empty one for what ours can do otherwise.
    Ours { filled: bool },
    /// A stroke.
    Floor,
    /// A shape of some colour, by the number of the peer.
    Peer(usize),
}

/// One line of the picture: a title, and where each contestant stands.
struct Drawn<'r> {
    title: String,
    points: Vec<(f64, &'r Row)>,
}

/// Draws a run; `None` if no line of it can be drawn.
///
/// A line takes part if it has a contestant besides ours, and if ours needs something for it at all.
#[must_use]
pub fn plot(run: &Run) -> Option<Plotted> {
    let lines: Vec<Drawn<'_>> = run.lines.iter().filter_map(drawn).collect();
    if lines.is_empty() {
        return None;
    }
    let peers = peers(&lines);
    let mut svg = String::new();
    draw(&mut svg, run, &lines, &peers).expect("a text takes everything that is drawn");
    let file = format!("bench-{}.svg", run.area);
    Some(Plotted { file, svg })
}

fn drawn(line: &Line) -> Option<Drawn<'_>> {
    let ours = line.ours()?;
    let shown = |row: &&Row| row.median > 0.0 && ours.median > 0.0;
    let rows = line.rows.iter().filter(shown);
    let points: Vec<_> = rows.map(|row| (line.times(row, ours), row)).collect();
    let beside = points.iter().any(|(_, row)| row.role != Role::Ours);
    beside.then(|| Drawn {
        title: shortened(&line.title),
        points,
    })
}

/// Cuts a title to what fits left of the scale.
fn shortened(title: &str) -> String {
    const MOST: usize = 56;
    if title.chars().count() <= MOST {
        return title.to_owned();
    }
    title.chars().take(MOST - 1).chain(['…']).collect()
}

/// The names of all peers, in the order of their first appearance.
fn peers<'r>(lines: &[Drawn<'r>]) -> Vec<&'r str> {
    let mut names = Vec::new();
    for (_, row) in lines.iter().flat_map(|line| &line.points) {
        if row.role == Role::Peer && !names.contains(&row.name.as_str()) {
            names.push(row.name.as_str());
        }
    }
    names
}

fn mark(row: &Row, peers: &[&str]) -> Mark {
    match row.role {
        Role::Ours => Mark::Ours {
            filled: row.name == "corokit",
        },
        Role::Floor => Mark::Floor,
        Role::Peer => {
            let number = peers.iter().position(|peer| *peer == row.name);
            Mark::Peer(number.unwrap_or_default())
        }
    }
}

/// The scale: powers of ten of the cost, from left to right.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Fits every point, and some room beside.
    fn of(lines: &[Drawn<'_>]) -> Self {
        let times = lines.iter().flat_map(|line| &line.points);
        let (low, high) = times.fold((1.0_f64, 1.0_f64), |(low, high), (times, _)| {
            (low.min(*times), high.max(*times))
        });
        Self {
            low: (low * 0.8).log10(),
            high: (high * 1.25).max(2.5).log10(),
        }
    }

    fn x(&self, times: f64) -> i32 {
        let share = (times.log10() - self.low) / (self.high - self.low);
        LEFT + (share * f64::from(RIGHT - LEFT)).round() as i32
    }

    /// The values that get a stroke: powers of ten, and some between if there are few.
    fn strokes(&self) -> Vec<f64> {
        let between: &[f64] = match self.high - self.low {
            narrow if narrow < 2.5 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let powers = self.low.floor() as i32..=self.high.ceil() as i32;
        let all = powers.flat_map(|power| between.iter().map(move |b| b * 10_f64.powi(power)));
        all.filter(|value| (self.low..=self.high).contains(&value.log10()))
            .collect()
    }
}

fn draw(
    svg: &mut String,
    run: &Run,
    lines: &[Drawn<'_>],
    peers: &[&str],
) -> Result<(), Box<dyn Error>> {
    let names = legend(lines, peers);
    let rows = names.last().map_or(0, |(_, row, ..)| row + 1);
    let bottom = TOP + LINE * i32::try_from(lines.len())?;
    let height = bottom + SCALE + NAMES * rows + 6;
    let size = (u32::try_from(WIDTH)?, u32::try_from(height)?);
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    area.fill(&WHITE)?;

    let heading = match run.quick {
        true => format!("{}: a quick run, these figures mean nothing", run.area),
        false => format!("{}: the cost of each, corokit's is 1", run.area),
    };
    text(&area, &heading, (16, 12), 18, HPos::Left)?;

    let scale = Scale::of(lines);
    for value in scale.strokes() {
        let x = scale.x(value);
        let style = if value == 1.0 {
            OURS.mix(0.5)
        } else {
            GRID.mix(1.0)
        };
        area.draw(&PathElement::new([(x, TOP), (x, bottom)], style))?;
        text(
            &area,
            &format!("{value}"),
            (x, bottom + 6),
            12,
            HPos::Center,
        )?;
    }
    let middle = (LEFT + RIGHT) / 2;
    text(
        &area,
        "times corokit's cost",
        (middle, bottom + 22),
        12,
        HPos::Center,
    )?;

    for (line, top) in lines.iter().zip((TOP..).step_by(LINE as usize)) {
        let y = top + LINE / 2;
        text(&area, &line.title, (LEFT - 14, y - 5), 12, HPos::Right)?;
        area.draw(&PathElement::new([(LEFT, y), (RIGHT, y)], GRID))?;
        // Ours come last, on top of all others.
        let (ours, others): (Vec<_>, Vec<_>) = line
            .points
            .iter()
            .partition(|(_, row)| row.role == Role::Ours);
        for (times, row) in others.into_iter().chain(ours) {
            stamp(&area, (scale.x(times), y), mark(row, peers))?;
        }
    }

    for (name, row, x, mark) in names {
        let y = bottom + SCALE + NAMES * row + NAMES / 2;
        stamp(&area, (x, y), mark)?;
        text(&area, &name, (x + 10, y - 5), 12, HPos::Left)?;
    }
    Ok(area.present()?)
}

/// The names of the contestants, each with its row, its place in it, and its mark.
fn legend(lines: &[Drawn<'_>], peers: &[&str]) -> Vec<(String, i32, i32, Mark)> {
    let has = |wanted: fn(&Row) -> bool| {
        let mut points = lines.iter().flat_map(|line| &line.points);
        points.any(|(_, row)| wanted(row))
    };
    let mut names = Vec::new();
    if has(|row| row.role == Role::Ours && row.name == "corokit") {
        names.push(("corokit".to_owned(), Mark::Ours { filled: true }));
    }
    if has(|row| row.role == Role::Ours && row.name != "corokit") {
        let name = "corokit, another way".to_owned();
        names.push((name, Mark::Ours { filled: false }));
    }
    if has(|row| row.role == Role::Floor) {
        names.push(("the floor".to_owned(), Mark::Floor));
    }
    let named = peers.iter().enumerate();
    names.extend(named.map(|(number, name)| ((*name).to_owned(), Mark::Peer(number))));

    let (mut row, mut x) = (0, 24);
    let placed = names.into_iter().map(|(name, mark)| {
        // What the letters take is not known here, so it is generous.
        let width = 30 + 7 * i32::try_from(name.chars().count()).unwrap_or(i32::MAX / 8);
        if x + width > WIDTH - 10 {
            (row, x) = (row + 1, 24);
        }
        let at = x;
        x += width;
        (name, row, at, mark)
    });
    placed.collect()
}

fn text(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: i32,
    anchor: HPos,
) -> Result<(), Box<dyn Error>> {
    let style = TextStyle::from(("sans-serif", size)).color(&TEXT);
    let style = style.pos(Pos::new(anchor, VPos::Top));
    Ok(area.draw(&Text::new(text.to_owned(), at, style))?)
}

fn stamp(area: &Area<'_>, (x, y): (i32, i32), mark: Mark) -> Result<(), Box<dyn Error>> {
    match mark {
        Mark::Ours { filled: true } => area.draw(&Circle::new((x, y), 6, OURS.filled()))?,
        Mark::Ours { filled: false } => {
            area.draw(&Circle::new((x, y), 5, WHITE.filled()))?;
            area.draw(&Circle::new((x, y), 5, OURS.stroke_width(2)))?;
        }
        Mark::Floor => {
            let stroke = [(x, y - 8), (x, y + 8)];
            area.draw(&PathElement::new(stroke, FLOOR.stroke_width(3)))?;
        }
        Mark::Peer(number) => {
            let colour = PEERS[number % PEERS.len()];
            match number / PEERS.len() {
                0 => area.draw(&Circle::new((x, y), 4, colour.filled()))?,
                1 => area.draw(&TriangleMarker::new((x, y), 5, colour.filled()))?,
                _ => area.draw(&Cross::new((x, y), 4, colour.stroke_width(2)))?,
            }
        }
    }
    Ok(())
}
