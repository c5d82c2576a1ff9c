//! The page and the pictures of the guide are those that the checked-in figures give.

use std::fs;
use std::path::{Path, PathBuf};

use figures::{Run, page, plot, read_folder};

const REMAKE: &str = "`cargo xtask bench plot` makes it anew";

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src")
}

fn checked_in() -> Vec<Run> {
    let runs = read_folder(&guide().join("figures")).unwrap();
    assert!(!runs.is_empty(), "there are figures");
    runs
}

#[test]
fn each_file_is_named_after_its_area_and_reads_as_it_was_written() {
    for run in checked_in() {
        let file = guide().join(format!("figures/{}.json", run.area));
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            run.to_json(),
            "{file:?}"
        );
        assert!(!run.partial, "{file:?} is not the whole area");
    }
}

#[test]
fn the_page_is_made_from_the_figures() {
    let text = fs::read_to_string(guide().join("figures.md")).unwrap();
    assert!(
        text == page(&checked_in()),
        "figures.md is out of step: {REMAKE}"
    );
}

#[test]
fn the_pictures_are_made_from_the_figures() {
    let images = guide().join("images");
    let mut made = Vec::new();
    for picture in checked_in().iter().filter_map(plot) {
        let text = fs::read_to_string(images.join(&picture.file)).unwrap();
        let file = picture.file;
        assert!(text == picture.svg, "{file} is out of step: {REMAKE}");
        made.push(file);
    }
    for entry in fs::read_dir(images).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let ours = name.starts_with("bench-");
        assert!(
            !ours || made.contains(&name),
            "{name} is of no area: {REMAKE}"
        );
    }
}
