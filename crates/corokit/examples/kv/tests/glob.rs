//! Patterns, against a plain recursive reading of the rules.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::glob::{Match, matches};

#[test]
fn the_rules_by_example() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("", "", true),
        ("**", "", false),
        ("", "a", false),
        ("a", "a", true),
        ("a", "ab", false),
        ("?", "a", true),
        ("?", "", false),
        ("h?llo", "hello", true),
        ("h*llo", "hllo", true),
        ("h*llo", "heeeello", true),
        ("*o*o*", "foo", true),
        ("*o*o*o*", "foo", false),
        ("a*", "a", true),
        ("*a", "ba", true),
        ("*ab", "aab", true),
        ("h[ae]llo", "hallo", true),
        ("h[ae]llo", "hillo", false),
        ("h[^e]llo", "hello", false),
        ("h[^e]llo", "hallo", true),
        ("h[a-c]llo", "hbllo", true),
        ("h[c-a]llo", "hbllo", true),
        ("[]a]", "a", false),
        ("[a", "a", true),
        ("[^", "a", true),
        ("[", "a", false),
        ("[a-]", "]", true),
        ("[\\]]", "]", true),
        ("[\\-a]", "-", true),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("a\\", "a\\", true),
        ("\\a", "a", true),
    ] {
        assert_eq!(
            matches(pattern.as_bytes(), text.as_bytes()),
            expected,
            "{pattern} {text}"
        );
    }
}

#[test]
fn many_stars_take_no_more_time_than_one() {
    let pattern = b"a*".repeat(1000);
    assert!(!matches(
        &[&pattern[..], b"b"].concat(),
        &b"a".repeat(10_000)
    ));
}

/// The same rules as a recursion that tries everything.
fn naive(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
        (_, []) | ([], _) => false,
        ([b'?', rest @ ..], [_, text @ ..]) => naive(rest, text),
        ([b'[', rest @ ..], [byte, text @ ..]) => {
            let negated = rest.first() == Some(&b'^');
            let mut at = usize::from(negated);
            let mut set = Vec::new();
            while at < rest.len() && rest[at] != b']' {
                if rest[at] == b'\\' && at + 1 < rest.len() {
                    set.push(rest[at + 1]..=rest[at + 1]);
                    at += 2;
                } else if at + 2 < rest.len() && rest[at + 1] == b'-' {
                    let (from, to) = (rest[at], rest[at + 2]);
                    set.push(from.min(to)..=from.max(to));
                    at += 3;
                } else {
                    set.push(rest[at]..=rest[at]);
                    at += 1;
                }
            }
            let rest = rest.get(at + 1..).unwrap_or_default();
            set.iter().any(|range| range.contains(byte)) != negated && naive(rest, text)
        }
        ([b'\\', literal, rest @ ..] | [literal, rest @ ..], [byte, text @ ..]) => {
            literal == byte && naive(rest, text)
        }
    }
}

proptest! {
    #[test]
    fn the_search_is_complete(
        pattern in vec(prop::sample::select(b"**?[]^-\\abc".to_vec()), 0..10),
        text in vec(prop::sample::select(b"abc-]".to_vec()), 1..8),
    ) {
        prop_assert_eq!(matches(&pattern, &text), naive(&pattern, &text));
    }

    #[test]
    fn it_may_be_searched_a_few_steps_at_a_time(
        pattern in vec(prop::sample::select(b"**?[]^-\\abc".to_vec()), 0..10),
        text in vec(prop::sample::select(b"abc-]".to_vec()), 0..8),
        steps in 1_usize..12,
    ) {
        let mut comparison = Match::new(&pattern);
        let found = loop {
            let mut left = steps;
            if let Some(found) = comparison.go_on(&text, &mut left) {
                break found;
            }
            prop_assert_eq!(left, 0);
        };
        prop_assert_eq!(found, matches(&pattern, &text));
    }
}
