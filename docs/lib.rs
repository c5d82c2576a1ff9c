//! The guide. It lives in `docs/src` and reads as it is; this crate compiles and runs its examples.
//!
//! Each page of the guide is a module here, so that rustdoc takes its code blocks for doctests.

#![forbid(unsafe_code)]

#[cfg(test)]
use std::collections::BTreeSet;

/// Makes a module of each page. Those behind the semicolon are as `build.rs` has made them.
macro_rules! pages {
    ($($name:ident: $file:literal),* $(,)?; $($shown:ident: $printed:literal),* $(,)?) => {
        $(
            #[doc = include_str!(concat!("src/", $file))]
            pub mod $name {}
        )*
        $(
            #[doc = include_str!(concat!(env!("OUT_DIR"), "/", $printed))]
            pub mod $shown {}
        )*

        #[test]
        fn every_page_is_in_the_summary_and_every_file_is_a_page() {
            let summary = include_str!("src/SUMMARY.md");
            let mut pages = vec!["SUMMARY.md".to_owned()];
            let mut texts = String::new();
            $(
                texts += include_str!(concat!("src/", $file));
                assert!(summary.contains(concat!("(", $file, ")")), "{} is not in SUMMARY.md", $file);
                pages.push($file.to_owned());
            )*
            $(
                texts += include_str!(concat!("src/", $printed));
                assert!(summary.contains(concat!("(", $printed, ")")), "{} is not in SUMMARY.md", $printed);
                pages.push($printed.to_owned());
            )*
            for file in files() {
                match file.strip_prefix("images/") {
                    Some(image) => {
                        let shown = format!("images/{image})");
                        assert!(texts.contains(&shown), "no page shows {image}");
                    }
                    None if file.starts_with("figures/") => {}
                    None => assert!(pages.contains(&file), "{file} is not a page of the guide"),
                }
            }
        }
    };
}

#[doc = include_str!("paths.md")]
pub mod paths {}

/// Every path of the tables of `from` is one of those that rustdoc resolves, and the other way round.
#[test]
fn the_tables_name_what_there_is() {
    let tables = [
        include_str!("src/from/a-sync.md"),
        include_str!("src/from/async-utils.md"),
        include_str!("src/from/asyncio.md"),
        include_str!("src/from/asynkit.md"),
    ];
    let named: BTreeSet<&str> = tables.iter().flat_map(|table| paths_in(table)).collect();
    let resolved: BTreeSet<&str> = include_str!("paths.md")
        .lines()
        .filter_map(|line| line.strip_prefix("- [`corokit::")?.strip_suffix("`]"))
        .collect();
    assert!(named.len() > 200, "{}", named.len());
    let missing: Vec<_> = named.difference(&resolved).collect();
    let unused: Vec<_> = resolved.difference(&named).collect();
    assert!(missing.is_empty(), "not in docs/paths.md: {missing:?}");
    assert!(
        unused.is_empty(),
        "in docs/paths.md, but in no table: {unused:?}"
    );
}

/// The map of the crates says which of them each stands on, and the manifests say the same.
#[test]
fn the_map_of_the_crates_is_true() {
    let mut crates = 0;
    for row in include_str!("src/architecture.md").lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, name, stands_on, _, _, _] = cells[..] else {
            continue;
        };
        let Some(name) = name
            .strip_prefix('`')
            .and_then(|name| name.strip_suffix('`'))
        else {
            continue;
        };
        let file = format!("{}/../crates/{name}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
        let manifest = std::fs::read_to_string(file).unwrap();
        let mut used = BTreeSet::new();
        let mut counts = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                counts = line.ends_with("dependencies]") && !line.contains("dev-");
            } else if let (true, Some(line)) = (counts, line.strip_prefix("corokit-")) {
                used.extend(line.split(['.', ' ']).next());
            }
        }
        let said: BTreeSet<&str> = stands_on.split('`').skip(1).step_by(2).collect();
        assert_eq!(said, used, "{name}");
        crates += 1;
    }
    assert_eq!(crates, 10);
}

/// The facade's documentation has a row for each of its features, and says which are on by default.
#[test]
fn the_features_of_the_facade_are_listed() {
    let manifest = include_str!("../crates/corokit/Cargo.toml");
    let (_, features) = manifest.split_once("[features]\n").unwrap();
    let (features, _) = features.split_once("\n\n").unwrap();
    let mut names = BTreeSet::new();
    let mut default = "";
    for line in features.lines() {
        let Some((name, value)) = line.split_once(" = ") else {
            continue;
        };
        match name {
            "default" => default = value,
            name => _ = names.insert(name),
        }
    }
    let on: BTreeSet<&str> = default.split('"').skip(1).step_by(2).collect();

    let (_, table) = include_str!("../crates/corokit/src/lib.rs")
        .split_once("//! | feature | default | brings |\n")
        .unwrap();
    let rows = table.lines().skip(1);
    let rows: Vec<Vec<&str>> = rows
        .map_while(|row| row.strip_prefix("//! | "))
        .map(|row| row.split(" | ").collect())
        .collect();
    let name_of = |row: &Vec<&'static str>| row[0].trim_matches('`');
    assert_eq!(rows.iter().map(name_of).collect::<BTreeSet<_>>(), names);
    let said = rows.iter().filter(|row| row[1] == "yes").map(name_of);
    assert_eq!(said.collect::<BTreeSet<_>>(), on);
}

/// The README has a line for each example of the crates and of the benches, with the features that it needs, and no
/// other. What is a tool of the project itself stands in CONTRIBUTING.md.
#[test]
fn the_readme_lists_the_examples() {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut there = BTreeSet::new();
    let crates = std::fs::read_dir(root.join("crates")).unwrap();
    let mut folders: Vec<_> = crates.map(|folder| folder.unwrap().path()).collect();
    folders.push(root.join("benches"));
    for folder in folders {
        let Ok(examples) = std::fs::read_dir(folder.join("examples")) else {
            continue;
        };
        let package = match folder.file_name().unwrap().to_str().unwrap() {
            "corokit" => "corokit".to_owned(),
            name => format!("corokit-{name}"),
        };
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for example in examples {
            let path = example.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            // Those of the facade are all on by default.
            let features = match &*package {
                "corokit" => String::new(),
                _ => features_of(name, &manifest),
            };
            if name != "instructions" {
                there.insert(format!("{package} {name} {features}"));
            }
        }
    }
    for name in ["console", "trace"] {
        there.insert(format!("corokit-tracing-examples {name} "));
    }

    let mut listed = BTreeSet::new();
    for line in include_str!("../README.md").lines() {
        let Some(command) = line
            .strip_prefix("| `")
            .and_then(|row| row.split('`').next())
        else {
            continue;
        };
        let after = |option: &str| {
            let words: Vec<&str> = command.split(' ').collect();
            let place = words.iter().position(|word| *word == option)?;
            words.get(place + 1).map(|word| (*word).to_owned())
        };
        if let (Some(package), Some(example)) = (after("-p"), after("--example")) {
            let features = after("--features").unwrap_or_default();
            listed.insert(format!("{package} {example} {features}"));
        }
    }
    assert_eq!(listed, there);
}

/// What an example needs, as its manifest says it, with commas between.
#[cfg(test)]
fn features_of(example: &str, manifest: &str) -> String {
    let head = format!("[[example]]\nname = \"{example}\"\nrequired-features = [");
    let Some((_, features)) = manifest.split_once(&head) else {
        return String::new();
    };
    let (features, _) = features.split_once(']').unwrap();
    let features: Vec<&str> = features.split('"').skip(1).step_by(2).collect();
    features.join(",")
}

/// What stands between back quotes, and is a path from one of the facade's modules.
#[cfg(test)]
fn paths_in(text: &str) -> impl Iterator<Item = &str> {
    const MODULES: [&str; 10] = [
        "bg_utils",
        "core",
        "coro_start",
        "lab",
        "monitor",
        "parallel_serial",
        "priority",
        "sched_loop",
        "scheduler",
        "sync_bridge",
    ];
    let is_path = |quoted: &&str| {
        let first = quoted.split_once("::").map(|(module, _)| module);
        let plain = |c: char| c == '_' || c == ':' || c.is_ascii_alphanumeric();
        first.is_some_and(|module| MODULES.contains(&module)) && quoted.chars().all(plain)
    };
    // The odd pieces are those between two quotes: no table has blocks of code.
    text.split('`').skip(1).step_by(2).filter(is_path)
}

/// Compiles and runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pages! {
    tutorial: "tutorial.md",
    colours: "colours.md",
    architecture: "architecture.md",
    asynkit: "asynkit.md",
    introduction: "introduction.md",
    caches: "caches.md",
    groups: "groups.md",
    order: "order.md",
    eager: "eager.md",
    from_a_sync: "from/a-sync.md",
    from_async_utils: "from/async-utils.md",
    from_asyncio: "from/asyncio.md",
    from_asynkit: "from/asynkit.md",
    figures: "figures.md",
    coroutines: "coroutines.md",
    inspect: "inspect.md",
    interrupts: "interrupts.md",
    mistakes: "mistakes.md",
    monitor: "monitor.md",
    generator: "generator.md",
    kv: "kv.md",
    event_loop: "loop.md",
    lab: "lab.md",
    parallel: "parallel.md",
    priority: "priority.md",
    proved: "proved.md",
    costs: "costs.md",
    python: "python.md",
    performance: "performance.md",
    recipe_host_loop: "recipes/host-loop.md",
    recipe_shutdown: "recipes/shutdown.md",
    recipe_tests: "recipes/tests.md",
    recipe_two_colours: "recipes/two-colours.md",
    recipe_web_service: "recipes/web-service.md",
    reliability: "reliability.md",
    services: "services.md",
    sync_bridge: "sync-bridge.md";
    asyncio: "asyncio.md",
}

/// The files below `src`, by their paths from there.
#[cfg(test)]
fn files() -> Vec<String> {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let file = path.strip_prefix(root).unwrap();
            let parts: Vec<_> = file.iter().map(|part| part.to_str().unwrap()).collect();
            files.push(parts.join("/"));
        }
    }
    files
}
