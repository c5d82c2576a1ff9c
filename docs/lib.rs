//! The guide. It lives in `docs/src` and reads as it is; this crate compiles and runs its examples.
//!
//! Each page of the guide is a module here, so that rustdoc takes its code blocks for doctests.

#![forbid(unsafe_code)]

/// Makes a module of each page.
macro_rules! pages {
    ($($name:ident: $file:literal),* $(,)?) => {
        $(
            #[doc = include_str!(concat!("src/", $file))]
            pub mod $name {}
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
            for file in files() {
                match file.strip_prefix("images/") {
                    Some(image) => {
                        let shown = format!("images/{image})");
                        assert!(texts.contains(&shown), "no page shows {image}");
                    }
                    None => assert!(pages.contains(&file), "{file} is not a page of the guide"),
                }
            }
        }
    };
}

/// Compiles and runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pages! {
    tutorial: "tutorial.md",
    colours: "colours.md",
    asyncio: "asyncio.md",
    introduction: "introduction.md",
    caches: "caches.md",
    groups: "groups.md",
    order: "order.md",
    eager: "eager.md",
    coroutines: "coroutines.md",
    inspect: "inspect.md",
    interrupts: "interrupts.md",
    monitor: "monitor.md",
    generator: "generator.md",
    kv: "kv.md",
    lab: "lab.md",
    parallel: "parallel.md",
    priority: "priority.md",
    python: "python.md",
    recipe_host_loop: "recipes/host-loop.md",
    recipe_shutdown: "recipes/shutdown.md",
    recipe_tests: "recipes/tests.md",
    recipe_two_colours: "recipes/two-colours.md",
    recipe_web_service: "recipes/web-service.md",
    services: "services.md",
    sync_bridge: "sync-bridge.md",
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
