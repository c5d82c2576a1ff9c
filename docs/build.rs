//! Makes doctests of the pages whose examples print.
//!
//! Such an example ends with comments that say what it prints. On the page nothing else is to be seen; what compares
//! the two is put in here. Lines keep their numbers.

#![forbid(unsafe_code)]

use std::path::Path;
use std::{env, fs};

const PAGES: [&str; 1] = ["asyncio.md"];

/// Instead of printing, an example keeps its lines.
const BEFORE: &str = "static OUT: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new()); \
    macro_rules! println { ($($text:tt)*) => {{ let text = format!($($text)*); OUT.lock().unwrap().push(text) }} } ";

fn main() {
    let (from, to) = (env::var_os("CARGO_MANIFEST_DIR"), env::var_os("OUT_DIR"));
    let from = Path::new(&from.unwrap()).join("src");
    println!("cargo::rerun-if-changed=build.rs");
    for page in PAGES {
        let path = from.join(page);
        println!("cargo::rerun-if-changed={}", path.display());
        let made = checked(&fs::read_to_string(path).unwrap());
        fs::write(Path::new(to.as_ref().unwrap()).join(page), made).unwrap();
    }
}

/// Adds to each block of code that prints the comparison with what it says that it prints.
fn checked(page: &str) -> String {
    let mut made = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```rust") else {
            made.extend([line, "\n"]);
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        // In a run of `lab` no real time passes, and the order of what happens is the same each time.
        let (kind, in_lab) = match kind.strip_suffix(",lab") {
            Some(kind) => (kind, true),
            None => (kind, false),
        };
        made.extend(["```rust", kind, "\n"]);
        example(&block, in_lab, &mut made);
        made += "```\n";
    }
    made
}

/// Writes the lines of one block.
fn example(block: &[&str], in_lab: bool, made: &mut String) {
    let code = block.iter().rposition(|line| !line.starts_with("//"));
    let (code, printed) = block.split_at(code.map_or(0, |last| last + 1));
    let prints = code.iter().any(|line| line.contains("println!("));
    assert_eq!(
        prints,
        !printed.is_empty(),
        "says what it prints: {block:#?}"
    );
    if prints {
        *made += BEFORE;
    }
    if in_lab {
        *made += "corokit::lab::run(1, |_| async { ";
    }
    for line in code {
        made.extend([line, "\n"]);
    }
    if in_lab {
        *made += "}); ";
    }
    if prints {
        let printed: Vec<&str> = printed
            .iter()
            .map(|line| line.strip_prefix("// ").unwrap())
            .collect();
        *made += &format!(
            "assert_eq!(OUT.lock().unwrap().join(\"\\n\"), {:?});",
            printed.join("\n")
        );
        *made += &"\n".repeat(printed.len());
    } else if in_lab {
        *made += "\n";
    }
}
