//! Requests that people type.

use proptest::collection::vec;
use proptest::prelude::*;

use super::parse;

#[track_caller]
fn check(line: &[u8], words: &[&[u8]]) {
    let with_break = [line, b"\r\n"].concat();
    for size in [1, 2, 7, with_break.len()] {
        let (found, wrong) = parse(with_break.chunks(size));
        assert_eq!(wrong, None);
        assert_eq!(
            found,
            [words],
            "{} in pieces of {size}",
            line.escape_ascii()
        );
    }
}

#[test]
fn words_are_separated_by_blanks() {
    check(b"set a b", &[b"set", b"a", b"b"]);
    check(b"  set\t a \x0b b  ", &[b"set", b"a", b"b"]);
}

#[test]
fn double_quotes_have_escapes() {
    check(
        br#"set "a b" "\n\r\t\a\b\\\"\q\x41\xff\xzz""#,
        &[b"set", b"a b", b"\n\r\t\x07\x08\\\"qA\xffxzz"],
    );
}

#[test]
fn single_quotes_have_one_escape() {
    check(
        br#"set 'a "b"' 'it\'s \n'"#,
        &[b"set", br#"a "b""#, br"it's \n"],
    );
}

#[test]
fn a_quote_may_stand_inside_a_word_but_ends_it() {
    check(br#"get foo"bar baz" x"#, &[b"get", b"foobar baz", b"x"]);
    check(br#"get "" ''"#, &[b"get", b"", b""]);
}

#[test]
fn quotes_must_be_closed_and_end_the_word() {
    for line in [
        "a \"b",
        "a 'b",
        "a \"b\"c",
        "a 'b'c",
        "a \"b\\\"",
        "a \"\\",
        "\"a\"\"b\"",
    ] {
        let line = format!("ping\r\n{line}\r\nping\r\n");
        for size in [1, 2, 7, line.len()] {
            let (found, wrong) = parse(line.as_bytes().chunks(size));
            assert_eq!(found, [[b"ping"]], "{line:?}");
            let expected = "Protocol error: unbalanced quotes in request";
            assert_eq!(wrong.as_deref(), Some(expected), "{line:?}");
        }
    }
}

/// Quotes a word so that it comes out as it is.
fn quote(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for byte in word {
        quoted.extend(format!("\\x{byte:02x}").bytes());
    }
    quoted.push(b'"');
    quoted
}

proptest! {
    #[test]
    fn quoted_words_come_through(
        words in vec(vec(any::<u8>(), 0..20), 1..6),
        size in 1_usize..50,
    ) {
        let quoted: Vec<_> = words.iter().map(|word| quote(word)).collect();
        let line = [quoted.join(&b' '), b"\n".to_vec()].concat();
        let (found, wrong) = parse(line.chunks(size));
        prop_assert_eq!(found, [words]);
        prop_assert_eq!(wrong, None);
    }
}
