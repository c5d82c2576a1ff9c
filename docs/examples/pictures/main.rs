//! Draws the pictures of the page about order, from what programs really do.
//!
//! ```text
//! cargo run -p corokit-guide --example pictures
//! ```
//!
//! writes them into `docs/src/images`. A test holds the files to what the programs do.

#![forbid(unsafe_code)]

mod draw;
mod programs;
mod trace;

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/images");
    for (name, svg) in programs::pictures() {
        let file = folder.join(name);
        fs::write(&file, svg)?;
        println!("{}", file.display());
    }
    Ok(())
}
