//! Where the libraries have unsafe code, compared with what `SECURITY.md` says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::failure::{Context, Failure, Result};
use crate::workspace::Workspace;

/// How many blocks, functions, impls and attributes are unsafe, by file.
type Counts = BTreeMap<String, usize>;

/// Fails if the table in `SECURITY.md` is not what the sources have.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let path = workspace.root.join("SECURITY.md");
    let told = told(&fs::read_to_string(&path).context(path.display())?);
    let mut found = Counts::new();
    for library in workspace.libraries() {
        // Tests and examples as well: what is said is said of everything in the crate.
        search(&workspace.root, library.folder(), &mut found)?;
    }
    let differs = |file: &&String| told.get(*file) != found.get(*file);
    let mut wrong: Vec<String> = told
        .keys()
        .chain(found.keys())
        .filter(differs)
        .map(|file| {
            let count = |counts: &Counts| counts.get(file).copied().unwrap_or(0);
            let (told, found) = (count(&told), count(&found));
            format!("{file}: SECURITY.md knows of {told} pieces of unsafe code, there are {found}")
        })
        .collect();
    // A file that both know of is there twice.
    wrong.sort();
    wrong.dedup();
    match wrong.as_slice() {
        [] => Ok(()),
        wrong => Err(Failure::other(wrong.join("\n"))),
    }
}

/// Counts in a folder and all below it.
fn search(root: &Path, folder: &Path, found: &mut Counts) -> Result<()> {
    for entry in fs::read_dir(folder).context(folder.display())? {
        let path = entry.context(folder.display())?.path();
        if path.is_dir() {
            search(root, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let count = count(&fs::read_to_string(&path).context(path.display())?);
            if count > 0 {
                let name = path.strip_prefix(root).unwrap_or(&path);
                found.insert(name.to_string_lossy().into_owned(), count);
            }
        }
    }
    Ok(())
}

/// How many blocks, functions, impls and attributes of a source are unsafe.
fn count(source: &str) -> usize {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let unsafe_in = |line: &str| {
        // What stands behind the word: as rustfmt has it, a space or the parenthesis of an attribute.
        let pieces = line.split("unsafe").skip(1);
        let is_code = |rest: &&str| {
            [" {", " fn", " async fn", " impl", " trait", " extern", "("]
                .iter()
                .any(|word| rest.starts_with(word))
        };
        pieces.filter(is_code).count()
    };
    code.map(unsafe_in).sum()
}

/// The rows of the table: `| `file` | number | ..`.
fn told(text: &str) -> Counts {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let file = cells.next()?.strip_suffix('`')?.to_owned();
        Some((file, cells.next()?.parse().ok()?))
    };
    text.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_functions_and_impls_count_and_words_about_them_do_not() {
        let source = "\
            #![forbid(unsafe_code)]\n\
            // unsafe { }\n\
            unsafe impl Send for A {}\n\
            pub unsafe fn f() { let a = unsafe { g(unsafe { h() }) }; }\n\
            #[unsafe(no_mangle)]\n\
            pub extern \"C\" fn plain() {}\n\
            unsafe extern \"C\" {\n\
            pub unsafe async fn g() {}\n\
            #[expect(unsafe_code, reason = \"not unsafe\")]\n\
            let text = \"an unsafe word\";\n";
        assert_eq!(count(source), 7);
    }

    #[test]
    fn tests_and_examples_of_a_crate_are_searched_too() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = Counts::new();
        // The benches have an allocator of their own, and a function that keeps its name.
        search(&root, &root.join("benches"), &mut found).unwrap();
        for file in ["benches/examples/instructions.rs", "benches/src/alloc.rs"] {
            assert!(found.contains_key(file), "{found:?}");
        }
    }

    #[test]
    fn the_table_is_read() {
        let text = "| file | blocks | what |\n|---|---|---|\n| `a/b.rs` | 12 | Pointers. |\n| `Send` or so | x | y |\n";
        assert_eq!(told(text), Counts::from([("a/b.rs".to_owned(), 12)]));
    }
}
