//! Feeds the parser by hand, and keeps what it finds.

use corokit::monitor::{Monitor, MonitorExt, Step};

use crate::resp::{self, Ask, Input, Token};

/// A request: its strings.
pub(crate) type Request = Vec<Vec<u8>>;

/// Feeds the request parser with pieces, by hand. Returns what it found, and what was wrong.
pub(crate) fn parse<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Request>, Option<String>) {
    let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
    let mut requests = Vec::new();
    let mut parser = Monitor::boxed(resp::requests);
    let mut step = parser.start();
    loop {
        let input = match step.now().expect("the parser waits only for its driver") {
            Step::Oob(Ask::More(mut input)) => match pieces.next() {
                Some(piece) => {
                    input.append(piece);
                    input
                }
                None => return (requests, None),
            },
            Step::Oob(Ask::Frame(input)) => {
                requests.push(input.args().from(0).map(<[u8]>::to_vec).collect());
                input
            }
            Step::Done(error) => return (requests, Some(error.to_string())),
        };
        step = parser.resume(input);
    }
}

/// A reply as a tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Option<Vec<u8>>),
    Array(Option<Vec<Value>>),
}

impl Value {
    /// Builds the tree of a frame.
    fn from_frame(input: &Input) -> Value {
        let mut tokens = input.tokens().iter();
        let value = Value::from_tokens(input, &mut tokens);
        assert_eq!(tokens.next(), None, "a frame is one value");
        value
    }

    fn from_tokens<'a>(input: &Input, tokens: &mut impl Iterator<Item = &'a Token>) -> Value {
        let text = |span| String::from_utf8_lossy(input.bytes(span)).into_owned();
        match *tokens.next().expect("an array has all its elements") {
            Token::Array(len) => {
                let elements = (0..len).map(|_| Value::from_tokens(input, tokens));
                Value::Array(Some(elements.collect()))
            }
            Token::NullArray => Value::Array(None),
            Token::Bulk(span) => Value::Bulk(Some(input.bytes(span).to_vec())),
            Token::NullBulk => Value::Bulk(None),
            Token::Simple(span) => Value::Simple(text(span)),
            Token::Error(span) => Value::Error(text(span)),
            Token::Integer(number) => Value::Integer(number),
        }
    }

    /// Writes the tree with the functions that the commands use.
    pub(crate) fn encode(&self, out: &mut resp::Output) {
        match self {
            Value::Simple(text) => out.simple(text),
            Value::Error(text) => out.error(text),
            Value::Integer(number) => out.integer(*number),
            Value::Bulk(Some(text)) => out.bulk(text),
            Value::Bulk(None) => out.null_bulk(),
            Value::Array(Some(elements)) => {
                out.array(elements.len());
                elements.iter().for_each(|element| element.encode(out));
            }
            Value::Array(None) => out.null_array(),
        }
    }
}

/// Feeds the reply parser with pieces, by hand.
pub(crate) fn parse_replies<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Value>, Option<String>) {
    let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
    let mut replies = Vec::new();
    let mut parser = Monitor::boxed(resp::replies);
    let mut step = parser.start();
    loop {
        let input = match step.now().expect("the parser waits only for its driver") {
            Step::Oob(Ask::More(mut input)) => match pieces.next() {
                Some(piece) => {
                    input.append(piece);
                    input
                }
                None => return (replies, None),
            },
            Step::Oob(Ask::Frame(input)) => {
                replies.push(Value::from_frame(&input));
                input
            }
            Step::Done(error) => return (replies, Some(error.to_string())),
        };
        step = parser.resume(input);
    }
}
