//! A recursive parser of Redis' protocol asks its driver for more bytes, and is driven with and
//! without an executor.
//!
//! Source: asynkit's `example_resp.py`.

use std::future::Future;
use std::pin::Pin;

use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
use futures_lite::future::{block_on, yield_now};
use proptest::prelude::*;

#[derive(Clone, PartialEq, Eq, Debug)]
enum Value {
    Integer(i64),
    Bulk(Vec<u8>),
    Array(Vec<Value>),
}

use Value::{Array, Bulk, Integer};

/// Asks for more bytes. An empty reply means that there are no more.
type Bytes = Handle<(), Vec<u8>>;

#[derive(PartialEq, Eq, Debug)]
enum Error {
    End,
    Syntax,
}

async fn more(bytes: &Bytes, buffer: &mut Vec<u8>) -> Result<(), Error> {
    let chunk = bytes.oob(()).await;
    if chunk.is_empty() {
        return Err(Error::End);
    }
    buffer.extend(chunk);
    Ok(())
}

async fn line(bytes: &Bytes, buffer: &mut Vec<u8>) -> Result<String, Error> {
    loop {
        if let Some(end) = buffer.windows(2).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = buffer.drain(..end + 2).take(end).collect();
            return String::from_utf8(line).map_err(|_| Error::Syntax);
        }
        more(bytes, buffer).await?;
    }
}

async fn exactly(bytes: &Bytes, buffer: &mut Vec<u8>, len: usize) -> Result<Vec<u8>, Error> {
    while buffer.len() < len {
        more(bytes, buffer).await?;
    }
    Ok(buffer.drain(..len).collect())
}

fn value<'a>(
    bytes: &'a Bytes,
    buffer: &'a mut Vec<u8>,
) -> Pin<Box<dyn Future<Output = Result<Value, Error>> + 'a>> {
    Box::pin(async move {
        let head = line(bytes, buffer).await?;
        let number = head.get(1..).and_then(|text| text.parse::<i64>().ok());
        let number = number.ok_or(Error::Syntax)?;
        match head.as_bytes()[0] {
            b':' => Ok(Integer(number)),
            b'$' => {
                let mut data = exactly(bytes, buffer, number as usize + 2).await?;
                data.truncate(number as usize);
                Ok(Bulk(data))
            }
            b'*' => {
                let mut values = Vec::new();
                for _ in 0..number {
                    values.push(value(bytes, buffer).await?);
                }
                Ok(Array(values))
            }
            _ => Err(Error::Syntax),
        }
    })
}

/// Parses one value and returns it with what is left over.
async fn parse(bytes: Bytes) -> Result<(Value, Vec<u8>), Error> {
    let mut buffer = Vec::new();
    let value = value(&bytes, &mut buffer).await?;
    Ok((value, buffer))
}

type Parsed = Result<(Value, Vec<u8>), Error>;

/// Feeds the parser without an executor.
fn parse_now(text: &[u8], chunk: usize) -> Parsed {
    let mut chunks = text.chunks(chunk);
    let mut parser = Monitor::boxed(parse);
    let mut step = parser.start().now();
    loop {
        match step.expect("the parser waits for nothing but bytes") {
            Step::Oob(()) => {
                let bytes = chunks.next().unwrap_or_default();
                step = parser.resume(bytes.to_vec()).now();
            }
            Step::Done(parsed) => return parsed,
        }
    }
}

/// Feeds the parser from an async function that waits for each chunk.
async fn parse_async(text: &[u8], chunk: usize) -> Parsed {
    let mut chunks = text.chunks(chunk);
    let mut parser = std::pin::pin!(Monitor::new(parse));
    let mut step = parser.start().await;
    loop {
        match step {
            Step::Oob(()) => {
                yield_now().await;
                let bytes = chunks.next().unwrap_or_default();
                step = parser.resume(bytes.to_vec()).await;
            }
            Step::Done(parsed) => return parsed,
        }
    }
}

const NESTED: &[u8] = b"*2\r\n*3\r\n:1\r\n:2\r\n:3\r\n*2\r\n:4\r\n:5\r\n";

fn nested() -> Value {
    let integers = |range: std::ops::RangeInclusive<i64>| Array(range.map(Integer).collect());
    Array(vec![integers(1..=3), integers(4..=5)])
}

#[test]
fn chunks_of_one_two_and_seven_without_an_executor() {
    for chunk in [1, 2, 7] {
        assert_eq!(parse_now(NESTED, chunk), Ok((nested(), b"".to_vec())));
    }
}

#[test]
fn chunks_of_one_two_and_seven_with_an_executor() {
    for chunk in [1, 2, 7] {
        let parsed = block_on(parse_async(NESTED, chunk));
        assert_eq!(parsed, Ok((nested(), b"".to_vec())));
    }
}

#[test]
fn what_follows_the_value_is_left_over() {
    let text = [NESTED, b"+PONG"].concat();
    let parsed = parse_now(&text, text.len());
    assert_eq!(parsed, Ok((nested(), b"+PONG".to_vec())));
}

#[test]
fn the_parser_ends_where_the_bytes_end() {
    for end in 0..NESTED.len() {
        assert_eq!(
            parse_now(&NESTED[..end], 7),
            Err(Error::End),
            "cut at {end}"
        );
    }
    assert_eq!(parse_now(b"?1\r\n", 7), Err(Error::Syntax));
}

fn encode(value: &Value, text: &mut Vec<u8>) {
    match value {
        Integer(number) => text.extend(format!(":{number}\r\n").bytes()),
        Bulk(data) => {
            text.extend(format!("${}\r\n", data.len()).bytes());
            text.extend(data);
            text.extend(b"\r\n");
        }
        Array(values) => {
            text.extend(format!("*{}\r\n", values.len()).bytes());
            for value in values {
                encode(value, text);
            }
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Integer),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Bulk),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop::collection::vec(inner, 0..5).prop_map(Array)
    })
}

proptest! {
    #[test]
    fn any_value_in_any_chunks_is_read_back(
        value in values(),
        rest in prop::collection::vec(any::<u8>(), 0..5),
        chunk in 1..30_usize,
    ) {
        let mut text = Vec::new();
        encode(&value, &mut text);
        let end = text.len();
        text.extend(&rest);
        let (parsed, left) = parse_now(&text, chunk).unwrap();
        prop_assert_eq!(&parsed, &value);
        // The last chunk that was needed may hold some of what follows.
        let read = text.len().min(end.div_ceil(chunk) * chunk);
        prop_assert_eq!(left, &text[end..read]);
    }
}
