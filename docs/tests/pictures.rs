//! The pictures of the guide show what the programs do.

#[path = "../examples/pictures/draw.rs"]
mod draw;
#[path = "../examples/pictures/programs.rs"]
mod programs;
#[path = "../examples/pictures/trace.rs"]
mod trace;

use std::fs;
use std::path::Path;

#[test]
fn the_pictures_are_what_the_programs_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/images");
    for (name, svg) in programs::pictures() {
        let drawn = fs::read_to_string(folder.join(name)).unwrap();
        assert!(
            drawn == svg,
            "{name} is out of date: cargo run -p corokit-guide --example pictures"
        );
    }
}
