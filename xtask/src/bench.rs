//! `cargo xtask bench`: corokit beside its peers, on the same work, in one run an area.
//!
//! Each area is a bench target. It prints its tables and writes its figures as JSON, `target/bench/AREA.json`. With `--save`
//! these go into the guide, and `cargo xtask bench plot` makes the guide's page and pictures of what is there.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use figures::{Run, page, plot, read_folder};
use lexopt::Arg;

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, run};
use crate::provision;
use crate::workspace::Workspace;

/// The packages that hold the benches, one bench target an area.
const PACKAGES: [&str; 2] = ["corokit-benches", "corokit-benches-lab"];

/// What the first package is built with: everybody takes part.
const FEATURES: &str = "uring";

/// The guide's pages, from the root of the workspace, and in it the figures and the pictures.
const GUIDE: &str = "docs/src";

/// What the command line asks for.
struct Options {
    area: Option<String>,
    save: bool,
    passed_on: Vec<OsString>,
}

/// An area: the bench target, and how it is built.
struct Area {
    name: String,
    package: &'static str,
    features: Vec<String>,
}

/// Builds and runs the benches of the area that the command line names, or of all; or draws.
pub(crate) fn main(arguments: lexopt::Parser) -> Result<()> {
    let options = Options::parse(arguments)?;
    if options.area.is_none() && options.passed_on.iter().any(|asked| asked == "--help") {
        print!("{}", crate::HELP);
        return Ok(());
    }
    let workspace = Workspace::load()?;
    if options.area.as_deref() == Some("plot") {
        return draw(&workspace.root.join(GUIDE));
    }
    let areas = areas(&workspace)?;
    let chosen: Vec<&Area> = match &options.area {
        None => areas.iter().collect(),
        Some(wanted) => areas.iter().filter(|area| area.name == *wanted).collect(),
    };
    if chosen.is_empty() {
        let known: Vec<&str> = areas.iter().map(|area| area.name.as_str()).collect();
        return Err(Failure::other(format!(
            "there is no such area; there are: {}, and `plot`",
            known.join(", ")
        )));
    }

    build(&chosen)?;
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder).context(folder.display())?;
    let mut runs = Vec::new();
    let mut failed = Vec::new();
    for area in chosen {
        // One area that fails must not keep the others from being measured.
        match measure(&workspace, area, &folder, &options.passed_on) {
            Ok(run) => runs.extend(run),
            Err(failure) => failed.push(format!("{}: {failure}", area.name)),
        }
    }
    if runs.len() > 1 {
        summarize(&runs);
    }
    if options.save {
        save(&workspace.root.join(GUIDE), &runs)?;
    }
    match failed.as_slice() {
        [] => Ok(()),
        failed => Err(Failure::other(failed.join("\n"))),
    }
}

impl Options {
    /// Reads `[AREA] [--save] [--] [ARGS..]`; what it does not know is for the benches.
    fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let mut raw: Vec<OsString> = arguments.raw_args()?.collect();
        let named = raw.first().and_then(|first| first.to_str());
        let area = named
            .filter(|first| !first.starts_with('-'))
            .map(str::to_owned);
        if area.is_some() {
            raw.remove(0);
        }
        // As with cargo, what is for the benches may come after dashes.
        if let Some(dashes) = raw.iter().position(|argument| argument == "--") {
            raw.remove(dashes);
        }
        let before = raw.len();
        raw.retain(|argument| argument != "--save");
        if raw.iter().any(|argument| argument == "--json") {
            return Err(Arg::Long("json").unexpected().into());
        }
        Ok(Self {
            area,
            save: raw.len() < before,
            passed_on: raw,
        })
    }
}

/// All bench targets of the packages. Those that need a feature which changes the others come last, so that what the others
/// need is built once.
fn areas(workspace: &Workspace) -> Result<Vec<Area>> {
    let mut areas = Vec::new();
    for package in PACKAGES {
        let targets = workspace.package(package)?.targets.iter();
        for target in targets.filter(|target| target.kind.iter().any(|kind| kind == "bench")) {
            let mut features = target.required_features.clone();
            if package == PACKAGES[0] {
                features.push(FEATURES.to_owned());
            }
            areas.push(Area {
                name: target.name.clone(),
                package,
                features,
            });
        }
    }
    areas.sort_by_key(|area| (area.package, area.features.len()));
    Ok(areas)
}

/// Builds what is going to be measured, so that no compiler runs in between.
fn build(areas: &[&Area]) -> Result<()> {
    // Neighbours that are built alike are built at once.
    for alike in areas.chunk_by(|a, b| (a.package, &a.features) == (b.package, &b.features)) {
        let mut command = alike[0].cargo_bench();
        for area in &alike[1..] {
            command.args(["--bench", &area.name]);
        }
        run(command.arg("--no-run"))?;
    }
    Ok(())
}

impl Area {
    /// `cargo bench` of this area alone.
    fn cargo_bench(&self) -> Command {
        let mut command = cargo();
        command.args(["bench", "--package", self.package, "--bench", &self.name]);
        if !self.features.is_empty() {
            command.args(["--features", &self.features.join(",")]);
        }
        command
    }
}

/// Runs one area and reads what it has written; nothing if it was only asked for its titles.
fn measure(
    workspace: &Workspace,
    area: &Area,
    folder: &Path,
    passed_on: &[OsString],
) -> Result<Option<Run>> {
    let file = folder.join(format!("{}.json", area.name));
    // What an earlier run has left must not pass for this one's.
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).context(file.display());
        }
        _ => {}
    }
    let mut command = area.cargo_bench();
    if area.name == "python" {
        match provision::python_originals(workspace) {
            Ok(python) => {
                command.env("COROKIT_BENCH_PYTHON", python);
            }
            // The bench measures what the Python of this machine has, and tells what it lacks.
            Err(failure) => eprintln!("xtask: {failure}"),
        }
    }
    command.arg("--").arg("--json").arg(&file).args(passed_on);
    run(&mut command)?;
    match fs::read_to_string(&file) {
        Ok(json) => Run::read(&json).map(Some).context(file.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context(file.display()),
    }
}

/// Prints the targets of all areas that are missed, and how many are met.
fn summarize(runs: &[Run]) {
    let (mut met, mut judged) = (0, 0);
    println!("targets missed, all areas");
    for run in runs {
        for line in &run.lines {
            for target in &line.targets {
                judged += usize::from(target.met.is_some());
                met += usize::from(target.met == Some(true));
                if target.met == Some(false) {
                    let (area, title) = (&run.area, &line.title);
                    println!("  {area}: {title}: {}: {}", target.target, target.reached);
                }
            }
        }
    }
    println!("{met} of {judged} targets met");
}

/// Puts the figures of whole areas into the guide, and draws.
fn save(guide: &Path, runs: &[Run]) -> Result<()> {
    let folder = guide.join("figures");
    fs::create_dir_all(&folder).context(folder.display())?;
    for run in runs {
        if run.partial {
            return Err(Failure::other(format!(
                "{} was measured in part: only whole areas go into the guide",
                run.area
            )));
        }
        let file = folder.join(format!("{}.json", run.area));
        fs::write(&file, run.to_json()).context(file.display())?;
    }
    draw(guide)
}

/// Makes the page and the pictures of the figures that are in the guide.
fn draw(guide: &Path) -> Result<()> {
    let folder = guide.join("figures");
    let runs = read_folder(&folder).context(folder.display())?;
    let images = guide.join("images");
    for old in pictures(&images).context(images.display())? {
        fs::remove_file(&old).context(old.display())?;
    }
    for picture in runs.iter().filter_map(plot) {
        let file = images.join(&picture.file);
        fs::write(&file, &picture.svg).context(file.display())?;
        println!("{}", file.display());
    }
    let file = guide.join("figures.md");
    fs::write(&file, page(&runs)).context(file.display())?;
    println!("{}", file.display());
    Ok(())
}

/// The pictures that the last drawing has left.
fn pictures(images: &Path) -> io::Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    for entry in fs::read_dir(images)? {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str);
        if name.is_some_and(|name| name.starts_with("bench-") && name.ends_with(".svg")) {
            pictures.push(path);
        }
    }
    Ok(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Result<Options> {
        Options::parse(lexopt::Parser::from_args(arguments))
    }

    #[track_caller]
    fn check(arguments: &[&str], area: Option<&str>, save: bool, passed_on: &[&str]) {
        let options = options(arguments).unwrap();
        assert_eq!(options.area.as_deref(), area);
        assert_eq!(options.save, save);
        assert_eq!(options.passed_on, passed_on);
    }

    #[test]
    fn what_the_runner_does_not_know_is_for_the_benches() {
        check(&[], None, false, &[]);
        check(&["locks"], Some("locks"), false, &[]);
        check(&["--quick"], None, false, &["--quick"]);
        check(
            &["locks", "--", "--help"],
            Some("locks"),
            false,
            &["--help"],
        );
        let arguments = ["locks", "hand over", "--save", "--rounds", "21"];
        check(
            &arguments,
            Some("locks"),
            true,
            &["hand over", "--rounds", "21"],
        );
    }

    #[test]
    fn where_the_figures_go_is_the_runners_to_say() {
        assert!(options(&["locks", "--json", "file"]).is_err());
    }

    #[test]
    fn a_part_of_an_area_does_not_go_into_the_guide() {
        let guide = std::env::temp_dir().join(format!("xtask-bench-{}", std::process::id()));
        fs::create_dir_all(guide.join("images")).unwrap();
        let stale = guide.join("images/bench-gone.svg");
        fs::write(&stale, "").unwrap();
        let mut run = Run {
            schema: figures::SCHEMA,
            area: "locks".to_owned(),
            date: figures::Machine::date(),
            rustc: "rustc".to_owned(),
            machine: figures::Machine::this(),
            rounds: 11,
            seed: 1,
            quick: false,
            partial: true,
            left_out: Vec::new(),
            lines: Vec::new(),
        };
        assert!(save(&guide, std::slice::from_ref(&run)).is_err());
        run.partial = false;
        save(&guide, std::slice::from_ref(&run)).unwrap();
        assert_eq!(read_folder(&guide.join("figures")).unwrap(), [run]);
        assert!(guide.join("figures.md").is_file() && !stale.exists());
        fs::remove_dir_all(&guide).unwrap();
    }
}
