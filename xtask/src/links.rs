//! Whether the links between the project's Markdown files lead somewhere.
//!
//! Only links inside of the repository are looked at: whether a page on the web is there is not a question for CI.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::failure::{Context, Failure, Result};

/// The files beside the guide and the READMEs of the crates. Those that are not there are not looked for.
const AT_THE_ROOT: [&str; 4] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
];

/// Checks every relative link and anchor of the guide, the READMEs and the files at the root.
///
/// # Errors
///
/// Fails with a list of the links that lead nowhere.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut pages = BTreeMap::new();
    for file in files(root)? {
        let text = fs::read_to_string(root.join(&file)).context(file.display())?;
        pages.insert(file, Page::read(&text));
    }
    let broken = broken(&pages, |path| root.join(path).exists());
    let links: usize = pages.values().map(|page| page.links.len()).sum();
    println!("{} links in {} files", links, pages.len());
    match broken.as_slice() {
        [] => Ok(()),
        broken => Err(Failure::other(format!(
            "links lead nowhere:\n{}",
            broken.join("\n")
        ))),
    }
}

/// The files to check, by their paths from the root.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = AT_THE_ROOT.iter().map(PathBuf::from).collect();
    for entry in fs::read_dir(root.join("crates")).context("crates")? {
        let name = entry.context("crates")?.file_name();
        files.push(Path::new("crates").join(name).join("README.md"));
    }
    files.retain(|file| root.join(file).is_file());
    let mut folders = vec![PathBuf::from("docs/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).context(folder.display())? {
            let path = folder.join(entry.context(folder.display())?.file_name());
            if root.join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// What a Markdown file points to, and what can be pointed to in it.
#[derive(Debug, Default)]
struct Page {
    /// Where each link or picture leads to, and in which line it stands.
    links: Vec<(String, usize)>,
    anchors: BTreeSet<String>,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Page::default();
        let mut heading: Option<String> = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = text[..range.start].matches('\n').count() + 1;
                    page.links.push((dest_url.into_string(), line));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(piece) | Event::Code(piece) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&piece);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap_or_default());
                    page.add_anchor(anchor);
                }
                _ => {}
            }
        }
        page
    }

    /// Of several headings that are the same, the second has the suffix 1, and so on.
    fn add_anchor(&mut self, anchor: String) {
        if !self.anchors.contains(&anchor) {
            self.anchors.insert(anchor);
            return;
        }
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let free = numbered
            .into_iter()
            .find(|name| !self.anchors.contains(name));
        self.anchors.extend(free);
    }
}

/// The anchor of a heading, as GitHub and mdbook make it: letters and digits in lower case, and blanks as hyphens.
fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ if c.is_alphanumeric() => Some(c),
        _ => None,
    };
    heading.to_lowercase().chars().filter_map(kept).collect()
}

/// Describes the links that lead nowhere. `exists` knows the files of the repository, by their paths from the root.
fn broken(pages: &BTreeMap<PathBuf, Page>, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut broken = Vec::new();
    for (file, page) in pages {
        for (link, line) in &page.links {
            if let Err(why) = follow(pages, &exists, file, link) {
                broken.push(format!("{}:{line}: {link}: {why}", file.display()));
            }
        }
    }
    broken
}

fn follow(
    pages: &BTreeMap<PathBuf, Page>,
    exists: impl Fn(&Path) -> bool,
    file: &Path,
    link: &str,
) -> std::result::Result<(), &'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(());
    }
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (link, None),
    };
    let target = match path {
        "" => file.to_owned(),
        _ => resolve(file, path).ok_or("it leaves the repository")?,
    };
    if !exists(&target) {
        return Err("there is no such file");
    }
    let Some(anchor) = anchor else { return Ok(()) };
    let page = pages
        .get(&target)
        .ok_or("only headings of checked pages can be pointed to")?;
    match page.anchors.contains(anchor) {
        true => Ok(()),
        false => Err("there is no such heading"),
    }
}

/// The path from the root that a relative one means in a file, unless it leads out of the repository.
fn resolve(file: &Path, path: &str) -> Option<PathBuf> {
    let mut target = file.parent()?.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => target.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !target.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is broken in a repository of these files.
    fn broken_in(files: &[(&str, &str)]) -> Vec<String> {
        let page = |(path, text): &(&str, &str)| (PathBuf::from(path), Page::read(text));
        let pages = files.iter().map(page).collect();
        let others = ["docs/src/images/a.svg", "crates/core"].map(Path::new);
        broken(&pages, |path| {
            pages.contains_key(path) || others.contains(&path)
        })
    }

    #[test]
    fn what_leads_somewhere_passes() {
        let files = [
            (
                "README.md",
                "[a](docs/src/a.md), [core](crates/core), [web](https://a.b/c.md#d)",
            ),
            (
                "docs/src/a.md",
                "# A `b`, c!\n## Twice\n## Twice\n![p](images/a.svg) [x](#a-b-c) [y](#twice-1)\n\
                 [up](../../README.md) [deep](deep/b.md#under_score)\n",
            ),
            (
                "docs/src/deep/b.md",
                "# under_score\n\n[up](../a.md#twice)\n",
            ),
        ];
        assert_eq!(broken_in(&files), [""; 0]);
    }

    #[test]
    fn what_leads_nowhere_is_named_with_its_line() {
        let files = [
            (
                "README.md",
                "one\n\n[a](docs/src/none.md) and ![p](images/none.svg)\n",
            ),
            (
                "docs/src/a.md",
                "# A\n\n| t |\n|---|\n| [b](#b) |\n\n[r][r]\n\n[r]: ../../../out.md\n[c](../../crates/core#c)\n",
            ),
        ];
        assert_eq!(
            broken_in(&files),
            [
                "README.md:3: docs/src/none.md: there is no such file",
                "README.md:3: images/none.svg: there is no such file",
                "docs/src/a.md:5: #b: there is no such heading",
                "docs/src/a.md:7: ../../../out.md: it leaves the repository",
                "docs/src/a.md:10: ../../crates/core#c: only headings of checked pages can be pointed to",
            ]
        );
    }

    #[test]
    fn code_is_no_link_and_no_heading() {
        let files = [(
            "README.md",
            "`[a](none.md)`\n\n```text\n# B\n[c](none.md)\n```\n\n[b](#b)\n",
        )];
        assert_eq!(
            broken_in(&files),
            ["README.md:8: #b: there is no such heading"]
        );
    }
}
