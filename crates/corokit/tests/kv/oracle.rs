//! The same commands to our server and to Redis: the replies must be the same bytes.
//!
//! The commands are in `oracle.txt`, the exceptions in `excused.txt`; both say what their lines
//! mean.

use std::collections::BTreeSet;
use std::fs;

use crate::server::{Kv, Redis, files};
use crate::wire::{Socket, Wire};

/// How a line of words is sent.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// As it is.
    Inline,
    /// As an array of strings.
    Array,
}

/// Returns the lines of a file that are not empty and no comments.
fn lines(name: &str) -> Vec<String> {
    let text = fs::read_to_string(files().join(name)).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(String::from).collect()
}

/// Writes a command as an array of strings. Quotes mean nothing here.
fn array(line: &str) -> Vec<u8> {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
    bytes
}

/// Turns `\r`, `\n`, `\0` and `\xHH` into bytes, and `{c*n}` into n times c.
fn raw(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (byte, count, used) = if let Some(hex) = rest.strip_prefix("\\x") {
            (u8::from_str_radix(&hex[..2], 16).unwrap(), 1, 4)
        } else if let Some(escape) = rest.strip_prefix('\\') {
            let byte = match escape.as_bytes()[0] {
                b'r' => b'\r',
                b'n' => b'\n',
                b'0' => 0,
                other => other,
            };
            (byte, 1, 2)
        } else if let Some((inside, _)) = rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
            let (byte, count) = inside.split_once('*').unwrap();
            (byte.as_bytes()[0], count.parse().unwrap(), inside.len() + 2)
        } else {
            assert!(first.is_ascii());
            (first as u8, 1, 1)
        };
        bytes.extend(std::iter::repeat_n(byte, count));
        rest = &rest[used..];
    }
    bytes
}

/// Sends one line, and returns the reply.
fn ask<S: Socket>(
    wire: &mut Wire<S>,
    connect: impl Fn() -> Wire<S>,
    line: &str,
    form: Form,
) -> String {
    if let Some(text) = line.strip_prefix("raw ") {
        let mut fresh = connect();
        fresh.send(&raw(text));
        fresh.socket.get_ref().end();
        return fresh.rest().escape_ascii().to_string();
    }
    let (line, is_set) = match line.strip_prefix("set of: ") {
        Some(line) => (line, true),
        None => (line, false),
    };
    match form {
        Form::Inline => wire.send(format!("{line}\r\n").as_bytes()),
        Form::Array => wire.send(&array(line)),
    }
    let mut value = wire.value();
    if is_set {
        value.sort();
    }
    value.bytes().escape_ascii().to_string()
}

/// How many seconds may pass between what sets a lifetime and what asks for it, on either side.
const PAUSE: i64 = 50;

/// Whether the replies to a line are the same. What is left of a lifetime is a matter of when each server was
/// asked: those in `oracle.txt` differ from each other by more than that.
fn are_same(line: &str, our: &str, their: &str) -> bool {
    let left = |reply: &str| -> Option<i64> {
        let number = reply.strip_prefix(':')?.strip_suffix("\\r\\n")?;
        number.parse().ok().filter(|seconds| *seconds > 0)
    };
    our == their
        || line.starts_with("TTL ")
            && left(our)
                .zip(left(their))
                .is_some_and(|(our, their)| (our - their).abs() < PAUSE)
}

#[test]
fn only_what_is_left_of_a_lifetime_may_differ() {
    for (line, our, their, expected) in [
        ("GET a", ":1\\r\\n", ":1\\r\\n", true),
        ("GET a", ":100\\r\\n", ":99\\r\\n", false),
        ("TTL a", ":100\\r\\n", ":99\\r\\n", true),
        ("TTL a", ":200\\r\\n", ":100\\r\\n", false),
        ("TTL a", ":-1\\r\\n", ":-2\\r\\n", false),
        ("TTL a", ":1\\r\\n", ":-1\\r\\n", false),
        ("TTL a", "-ERR\\r\\n", ":100\\r\\n", false),
    ] {
        assert_eq!(are_same(line, our, their), expected, "{line} {our} {their}");
    }
}

fn compare(form: Form) {
    let Some(redis) = Redis::start() else {
        return;
    };
    let kv = Kv::start(&[]);
    let (mut ours, mut theirs) = (kv.connect(), redis.connect());
    let excused: BTreeSet<String> = lines("excused.txt").into_iter().collect();
    let all = lines("oracle.txt");
    assert!(all.len() >= 200, "only {} lines", all.len());

    let mut compared = 0;
    let mut different = Vec::new();
    for line in &all {
        let our = ask(&mut ours, || kv.connect(), line, form);
        let their = ask(&mut theirs, || redis.connect(), line, form);
        compared += 1;
        if !are_same(line, &our, &their) {
            different.push(format!("{line}\n  ours:   {our}\n  theirs: {their}"));
        }
    }
    for line in &excused {
        let our = ask(&mut ours, || kv.connect(), line, form);
        let their = ask(&mut theirs, || redis.connect(), line, form);
        if our == their {
            different.push(format!("{line}\n  needs no excuse: {our}"));
        }
    }
    let count = different.len();
    assert!(
        different.is_empty(),
        "{count} of {compared} lines:\n{}",
        different.join("\n")
    );
}

#[test]
fn inline_commands_are_answered_as_redis_does() {
    compare(Form::Inline);
}

#[test]
fn array_commands_are_answered_as_redis_does() {
    compare(Form::Array);
}
