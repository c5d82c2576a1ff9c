//! Replies: what the encoder writes, the parser reads.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Value, parse_replies};
use crate::resp::{self, Output};

fn encode(values: &[Value]) -> Vec<u8> {
    let mut out = Output::new(usize::MAX);
    values.iter().for_each(|value| value.encode(&mut out));
    out.take()
}

#[test]
fn each_kind_has_its_form() {
    let bulk = |text: &str| Value::Bulk(Some(text.into()));
    let values = [
        Value::Simple("OK".into()),
        Value::Error("ERR no".into()),
        Value::Integer(-7),
        bulk("a\r\nb"),
        bulk(""),
        Value::Bulk(None),
        Value::Array(Some(vec![])),
        Value::Array(None),
        Value::Array(Some(vec![
            bulk("a"),
            Value::Array(Some(vec![Value::Integer(1)])),
        ])),
    ];
    let bytes = encode(&values);
    assert_eq!(
        bytes.escape_ascii().to_string(),
        b"+OK\r\n-ERR no\r\n:-7\r\n$4\r\na\r\nb\r\n$0\r\n\r\n$-1\r\n*0\r\n*-1\r\n\
          *2\r\n$1\r\na\r\n*1\r\n:1\r\n"
            .escape_ascii()
            .to_string()
    );
    assert_eq!(parse_replies([&bytes[..]]), (values.to_vec(), None));
}

#[test]
fn an_error_stays_on_one_line() {
    let mut out = Output::new(usize::MAX);
    out.error("ERR a\r\nb");
    assert_eq!(out.take(), b"-ERR a  b\r\n");
}

#[test]
fn the_limit_of_the_output_is_kept() {
    let mut out = Output::new(10);
    out.simple("OK");
    assert!(!out.is_overflown());
    out.bulk(b"four");
    assert!(out.is_overflown());
    out.simple("OK");
    assert!(out.len() <= 10);
    assert!(out.is_overflown());
}

#[test]
fn nesting_has_a_limit() {
    for (depth, error) in [
        (32, None),
        (33, Some("Protocol error: too deeply nested reply")),
    ] {
        let bytes = [b"*1\r\n".repeat(depth), b":1\r\n".to_vec()].concat();
        for size in [1, 2, 7, bytes.len()] {
            let (found, wrong) = parse_replies(bytes.chunks(size));
            assert_eq!(wrong.as_deref(), error);
            assert_eq!(found.len(), usize::from(error.is_none()));
        }
    }
}

#[test]
fn nonsense_is_an_error() {
    for bytes in ["x\r\n", ":a\r\n", ":\r\n", "*1\r\n!\r\n"] {
        let (found, wrong) = parse_replies([bytes.as_bytes()]);
        assert_eq!(
            (found, wrong),
            (vec![], Some("Protocol error: invalid reply".into()))
        );
    }
}

#[test]
fn integers_are_read_strictly() {
    for number in [0, 1, -1, 42, i64::MAX, i64::MIN] {
        assert_eq!(resp::integer(number.to_string().as_bytes()), Some(number));
    }
    for text in [
        "",
        "-",
        "-0",
        "01",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "9223372036854775808",
    ] {
        assert_eq!(resp::integer(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(resp::integer(b"-9223372036854775809"), None);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        "[ -~]{0,12}".prop_map(Value::Simple),
        "[ -~]{0,12}".prop_map(Value::Error),
        any::<i64>().prop_map(Value::Integer),
        vec(any::<u8>(), 0..40).prop_map(|text| Value::Bulk(Some(text))),
        Just(Value::Bulk(None)),
        Just(Value::Array(None)),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        vec(inner, 0..6).prop_map(|e| Value::Array(Some(e)))
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_parsed(values in vec(any_value(), 0..8), size in 1_usize..100) {
        let bytes = encode(&values);
        for size in [1, 2, 7, size] {
            let (found, wrong) = parse_replies(bytes.chunks(size));
            prop_assert_eq!(&found, &values);
            prop_assert_eq!(wrong, None);
        }
    }
}
