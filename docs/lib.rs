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
            let mut pages = vec!["SUMMARY.md", "images"];
            let mut texts = String::new();
            $(
                texts += include_str!(concat!("src/", $file));
                assert!(summary.contains(concat!("(", $file, ")")), "{} is not in SUMMARY.md", $file);
                pages.push($file);
            )*
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
            for entry in std::fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name();
                assert!(pages.iter().any(|page| name == *page), "{name:?} is not a page of the guide");
            }
            for entry in std::fs::read_dir(format!("{folder}/images")).unwrap() {
                let name = entry.unwrap().file_name();
                let shown = format!("(images/{})", name.to_string_lossy());
                assert!(texts.contains(&shown), "no page shows {name:?}");
            }
        }
    };
}

/// Compiles and runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pages! {
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
    proved: "proved.md",
    python: "python.md",
    services: "services.md",
    sync_bridge: "sync-bridge.md",
}
