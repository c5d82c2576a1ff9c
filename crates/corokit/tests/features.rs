//! What the features of the facade bring in.

use std::process::Command;

/// Lists the packages and features that a build of the facade contains.
fn tree(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.args([
        "tree",
        "--offline",
        "--package",
        "corokit",
        "--prefix",
        "none",
    ]);
    command.args(["--edges", "normal,features"]).args(arguments);
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let (text, errors) = (output.stdout, output.stderr);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&errors)
    );
    String::from_utf8(text).unwrap()
}

/// A program that does not ask for lab has nothing of it: not the crate, and not the clock that a
/// thread can be given, which would make every timer ask.
#[test]
fn lab_is_in_no_program_that_does_not_ask_for_it() {
    for features in ["default", "default,context"] {
        let tree = tree(&["--features", features]);
        assert!(tree.contains("corokit-core feature \"time\""), "{tree}");
        assert!(!tree.contains("virtual-time"), "{tree}");
        assert!(!tree.contains("corokit-lab"), "{tree}");
    }
    let tree = tree(&["--features", "lab"]);
    assert!(
        tree.contains("corokit-core feature \"virtual-time\""),
        "{tree}"
    );
}

/// Threads for blocking work come with the plans; a progress bar only for those who ask.
#[test]
fn a_progress_bar_is_in_no_program_that_does_not_ask_for_it() {
    let tree_of_all = tree(&["--features", "default"]);
    assert!(
        tree_of_all.contains("corokit-parallel-serial"),
        "{tree_of_all}"
    );
    assert!(!tree_of_all.contains("indicatif"), "{tree_of_all}");
    let without = tree(&["--no-default-features", "--features", "sched-loop"]);
    assert!(!without.contains("blocking"), "{without}");
    let with = tree(&["--features", "progress-bar"]);
    assert!(with.contains("indicatif"), "{with}");
}
