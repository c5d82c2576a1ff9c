//! The table of commands.

use crate::commands::COMMANDS;

#[test]
fn names_are_in_order_and_short() {
    assert!(COMMANDS.is_sorted_by(|a, b| a.name < b.name));
    for command in COMMANDS {
        assert!(command.name.len() <= 16, "{}", command.name);
        assert_eq!(command.name, command.name.to_ascii_lowercase());
        assert_ne!(command.arity, 0, "{}", command.name);
    }
}
