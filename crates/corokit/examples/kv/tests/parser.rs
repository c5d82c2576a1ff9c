//! Requests, whole and in pieces, right and wrong.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Request, parse};
use crate::resp::Output;

fn encode(requests: &[Request]) -> Vec<u8> {
    let mut out = Output::new(usize::MAX);
    for request in requests {
        out.array(request.len());
        request.iter().for_each(|string| out.bulk(string));
    }
    out.take()
}

/// Parses in pieces of 1, 2 and 7 bytes and in one, and checks that it makes no difference.
fn check(bytes: &[u8], requests: &[&[&str]], error: Option<&str>) {
    let expected: Vec<Request> = requests
        .iter()
        .map(|request| {
            request
                .iter()
                .map(|string| string.as_bytes().to_vec())
                .collect()
        })
        .collect();
    for size in [1, 2, 7, bytes.len().max(1)] {
        let (found, wrong) = parse(bytes.chunks(size));
        assert_eq!(
            found,
            expected,
            "{} in pieces of {size}",
            bytes.escape_ascii()
        );
        assert_eq!(
            wrong.as_deref(),
            error,
            "{} in pieces of {size}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn arrays_and_lines_may_alternate() {
    check(
        b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nget b\r\n*1\r\n$4\r\nPING\r\nping\n",
        &[&["GET", "a"], &["get", "b"], &["PING"], &["ping"]],
        None,
    );
}

#[test]
fn strings_may_hold_anything() {
    check(
        b"*2\r\n$0\r\n\r\n$4\r\n\r\n*1\r\n",
        &[&["", "\r\n*1"]],
        None,
    );
}

#[test]
fn empty_requests_are_skipped() {
    check(b"*0\r\n*-1\r\n\r\n\n  \t \r\nping\r\n", &[&["ping"]], None);
}

#[test]
fn an_unfinished_request_is_no_request_yet() {
    check(
        b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$3\r\nab",
        &[&["PING"]],
        None,
    );
    check(b"*1\r\n$4\r\nPING\r\n*1\r", &[&["PING"]], None);
    check(b"*1\r\n$4\r\nPING\r\nget a", &[&["PING"]], None);
}

#[test]
fn what_follows_a_string_is_skipped_unseen() {
    check(
        b"*1\r\n$4\r\nPINGxy*1\r\n$4\r\nPING\r\n",
        &[&["PING"], &["PING"]],
        None,
    );
}

#[test]
fn the_length_of_an_array_must_be_a_number() {
    for length in [
        "x",
        "",
        "1x",
        " 1",
        "+1",
        "01",
        "-0",
        "1048577",
        "99999999999999999999",
    ] {
        check(
            format!("ping\r\n*{length}\r\n").as_bytes(),
            &[&["ping"]],
            Some("Protocol error: invalid multibulk length"),
        );
    }
    check(b"*1048576\r\n$1\r\n", &[], None);
}

#[test]
fn the_length_of_a_string_must_be_a_number() {
    for length in [
        "x",
        "",
        "-1",
        "-0",
        "+1",
        "01",
        "536870913",
        "99999999999999999999",
    ] {
        check(
            format!("*1\r\n${length}\r\n").as_bytes(),
            &[],
            Some("Protocol error: invalid bulk length"),
        );
    }
    check(b"*1\r\n$536870912\r\n", &[], None);
}

#[test]
fn a_request_holds_strings_only() {
    for (kind, shown) in [
        ("*1", '*'),
        (":1", ':'),
        ("+OK", '+'),
        ("PING", 'P'),
        ("", '\r'),
    ] {
        check(
            format!("*2\r\n$3\r\nGET\r\n{kind}\r\n").as_bytes(),
            &[],
            Some(&format!("Protocol error: expected '$', got '{shown}'")),
        );
    }
}

#[test]
fn lines_end() {
    let long = "1".repeat(64 << 10);
    for (start, error) in [
        ("*", "Protocol error: too big mbulk count string"),
        ("*1\r\n$", "Protocol error: too big bulk count string"),
        ("a", "Protocol error: too big inline request"),
    ] {
        check(format!("{start}{}", &long[1..]).as_bytes(), &[], None);
        check(format!("{start}{long}").as_bytes(), &[], Some(error));
    }
}

#[test]
fn a_long_string_comes_through() {
    let long = "0123456789".repeat(100_000);
    let bytes = format!("*2\r\n$4\r\nECHO\r\n${}\r\n{long}\r\nping\r\n", long.len());
    check(bytes.as_bytes(), &[&["ECHO", &long], &["ping"]], None);
}

#[test]
fn many_requests_come_through() {
    let many: Vec<Request> = (0..10_000)
        .map(|number: u32| vec![b"GET".to_vec(), number.to_string().into_bytes()])
        .collect();
    let bytes = encode(&many);
    for size in [1, 7, 1000, bytes.len()] {
        let (found, wrong) = parse(bytes.chunks(size));
        assert!(found == many, "in pieces of {size}");
        assert_eq!(wrong, None);
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_parsed(
        requests in vec(vec(vec(any::<u8>(), 0..40), 1..6), 0..20),
        size in 1_usize..100,
    ) {
        let bytes = encode(&requests);
        for size in [1, 2, 7, size] {
            let (found, wrong) = parse(bytes.chunks(size));
            prop_assert_eq!(&found, &requests);
            prop_assert_eq!(wrong, None);
        }
    }

    #[test]
    fn pieces_make_no_difference_to_nonsense(
        bytes in vec(prop::sample::select(b"*$\r\n0123 -'\"\\xa".to_vec()), 0..60),
        size in 1_usize..20,
    ) {
        let whole = parse([&bytes[..]]);
        for size in [1, 2, 7, size] {
            prop_assert_eq!(&parse(bytes.chunks(size)), &whole);
        }
    }
}
