//! The parser of kv, for requests and for replies.

use crate::bytes::Bytes;
use crate::feed::{Request, Value, parse, parse_replies};
use crate::resp::Output;

/// Parses the bytes as requests and as replies, whole and in pieces whose sizes the bytes choose.
///
/// # Panics
///
/// Panics if it makes a difference how the bytes come, if what was found does not come out again when it is
/// written and read once more, or if the parser panics.
///
/// ```
/// corokit_fuzz_harness::resp(b"\x02\x01*1\r\n$4\r\nPING\r\n");
/// ```
pub fn resp(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let sizes = [1 + bytes.below(8), 1 + bytes.below(64)];
    let stream = bytes.rest();

    let (requests, wrong) = parse([stream]);
    for pieces in [pieces(stream, [1, 1]), pieces(stream, sizes)] {
        assert_eq!(parse(pieces), (requests.clone(), wrong.clone()));
    }
    assert_eq!(parse([&*written(&requests)]), (requests, None));

    let (replies, wrong) = parse_replies([stream]);
    for pieces in [pieces(stream, [1, 1]), pieces(stream, sizes)] {
        assert_eq!(parse_replies(pieces), (replies.clone(), wrong.clone()));
    }
    let mut out = Output::new(usize::MAX);
    replies.iter().for_each(|reply| reply.encode(&mut out));
    let (again, wrong) = parse_replies([&*out.take()]);
    assert_eq!(wrong, None);
    let replies: Vec<Value> = replies.into_iter().map(on_one_line).collect();
    assert_eq!(again, replies);
}

/// An error as it is written: a line break in it is written as a space.
fn on_one_line(reply: Value) -> Value {
    match reply {
        Value::Error(text) => Value::Error(text.replace('\n', " ")),
        Value::Array(Some(replies)) => {
            Value::Array(Some(replies.into_iter().map(on_one_line).collect()))
        }
        other => other,
    }
}

/// Cuts a stream into pieces of two sizes in turn.
fn pieces(stream: &[u8], sizes: [usize; 2]) -> Vec<&[u8]> {
    let mut rest = stream;
    let mut pieces = Vec::new();
    for size in sizes.into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Writes requests as a client does.
fn written(requests: &[Request]) -> Vec<u8> {
    let mut out = Output::new(usize::MAX);
    for request in requests {
        out.array(request.len());
        request.iter().for_each(|string| out.bulk(string));
    }
    out.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_stream() {
        let cut = pieces(b"abcdefgh", [1, 2]);
        assert_eq!(cut, [&b"a"[..], b"bc", b"d", b"ef", b"g", b"h"]);
        assert!(pieces(b"", [1, 2]).is_empty());
    }

    #[test]
    fn what_is_found_is_what_is_compared() {
        let (requests, wrong) = parse([&b"*1\r\n$4\r\nPING\r\n*x\r\n"[..]]);
        assert_eq!(requests, [[b"PING".to_vec()]]);
        assert!(wrong.is_some());
        assert_eq!(parse_replies([&b":7\r\n"[..]]).0, [Value::Integer(7)]);
    }
}
