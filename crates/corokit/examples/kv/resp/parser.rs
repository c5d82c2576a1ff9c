//! The parser: a coroutine that asks for what it needs.

use corokit::monitor::Handle;

use super::ProtocolError;
use super::inline;
use super::input::{Input, Span, Token};
use super::number::integer;

/// The longest string.
const LONGEST_BULK: i64 = 512 << 20;
/// The longest array.
const LONGEST_ARRAY: i64 = 1 << 20;
/// The longest line: the first one of an array or string, or an inline request.
const LONGEST_LINE: usize = 64 << 10;
/// How deep arrays nest in a reply.
const DEEPEST_REPLY: usize = 32;

/// What the parser asks of its driver. The answer to both is the input.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Receive more bytes: at least one.
    More(Box<Input>),
    /// Here is a whole frame. Use its tokens.
    Frame(Box<Input>),
}

/// How the parser talks to its driver.
pub(crate) type Driver = Handle<Ask, Box<Input>>;

/// Reads requests, one after the other, until one is wrong.
///
/// A request is an array of strings, or a line of words. An empty one is skipped.
pub(crate) async fn requests(driver: Driver) -> ProtocolError {
    let mut parser = Parser::new(driver, Grammar::Request);
    loop {
        parser.input().begin_frame();
        let read = match parser.peek().await {
            b'*' => parser.array(0).await,
            _ => parser.inline().await,
        };
        if let Err(error) = read {
            return error;
        }
        if !parser.input().tokens().is_empty() {
            parser.hand_over().await;
        }
    }
}

/// Reads replies, one after the other, until one is wrong.
pub(crate) async fn replies(driver: Driver) -> ProtocolError {
    let mut parser = Parser::new(driver, Grammar::Reply);
    loop {
        parser.input().begin_frame();
        if let Err(error) = parser.value(0).await {
            return error;
        }
        parser.hand_over().await;
    }
}

/// Which values there can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grammar {
    /// An array of strings, which is not itself a token: only its strings are.
    Request,
    /// Any value.
    Reply,
}

const HAS_INPUT: &str = "the driver has the input only while it is asked for something";

struct Parser {
    driver: Driver,
    grammar: Grammar,
    /// The input, unless the driver has it.
    input: Option<Box<Input>>,
}

impl Parser {
    fn new(driver: Driver, grammar: Grammar) -> Self {
        Parser {
            driver,
            grammar,
            input: Some(Box::default()),
        }
    }

    fn input(&mut self) -> &mut Input {
        self.input.as_mut().expect(HAS_INPUT)
    }

    /// Waits until more bytes have come.
    async fn more(&mut self) {
        let input = self.input.take().expect(HAS_INPUT);
        self.input = Some(self.driver.oob(Ask::More(input)).await);
    }

    /// Waits until the frame has been used.
    async fn hand_over(&mut self) {
        let input = self.input.take().expect(HAS_INPUT);
        self.input = Some(self.driver.oob(Ask::Frame(input)).await);
    }

    /// Returns the next byte, and leaves it there.
    async fn peek(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.input().unread().first() {
                return *byte;
            }
            self.more().await;
        }
    }

    /// Reads one value, with all that is in it. `depth` arrays are around it.
    async fn value(&mut self, depth: usize) -> Result<(), ProtocolError> {
        let deepest = match self.grammar {
            Grammar::Request => 1,
            Grammar::Reply => DEEPEST_REPLY,
        };
        match self.peek().await {
            // An array in an array is a coroutine of its own.
            b'*' if depth < deepest => Box::pin(self.array(depth)).await,
            _ => self.leaf().await,
        }
    }

    /// Reads an array, with all that is in it.
    async fn array(&mut self, depth: usize) -> Result<(), ProtocolError> {
        let header = self
            .header()
            .await
            .ok_or(ProtocolError::EndlessArrayHeader)?;
        let len = header.number.filter(|len| *len <= LONGEST_ARRAY);
        let len = len.ok_or(ProtocolError::InvalidArrayLength)?;
        if self.grammar == Grammar::Reply {
            self.input().push(match len {
                0.. => Token::Array(len as u32),
                _ => Token::NullArray,
            });
        }
        for _ in 0..len {
            self.value(depth + 1).await?;
        }
        Ok(())
    }

    /// Reads a value that is no array.
    async fn leaf(&mut self) -> Result<(), ProtocolError> {
        let header = self
            .header()
            .await
            .ok_or(ProtocolError::EndlessBulkHeader)?;
        match (self.grammar, header.kind) {
            (_, b'$') => {}
            (Grammar::Request, kind) => return Err(ProtocolError::ExpectedBulk(kind)),
            (Grammar::Reply, kind) => return self.line_reply(kind, header),
        }
        match header.number {
            Some(len @ 0..=LONGEST_BULK) => self.bulk(len as usize).await,
            Some(-1) if self.grammar == Grammar::Reply => self.input().push(Token::NullBulk),
            _ => return Err(ProtocolError::InvalidBulkLength),
        }
        Ok(())
    }

    /// Reads the text of a string, and the line break after it.
    async fn bulk(&mut self, len: usize) {
        while self.input().unread().len() < len + 2 {
            self.more().await;
        }
        let text = self.input().span(0, len);
        self.input().push(Token::Bulk(text));
        self.input().advance(len + 2);
    }

    /// Takes a reply that is one line.
    fn line_reply(&mut self, kind: u8, header: Header) -> Result<(), ProtocolError> {
        let token = match (kind, header.number) {
            (b'+', _) => Token::Simple(header.text),
            (b'-', _) => Token::Error(header.text),
            (b':', Some(number)) => Token::Integer(number),
            (b'*', _) => return Err(ProtocolError::TooDeep),
            _ => return Err(ProtocolError::InvalidReply),
        };
        self.input().push(token);
        Ok(())
    }

    /// Reads a line: a byte that says what follows, and a text or number. `None`: it is too long.
    async fn header(&mut self) -> Option<Header> {
        // Redis looks for the carriage return only, and takes any byte for the line feed.
        let end = self.find(b'\r').await?;
        while self.input().unread().len() < end + 2 {
            self.more().await;
        }
        let input = self.input();
        let line = &input.unread()[..end];
        let text = line.get(1..).unwrap_or_default();
        let header = Header {
            kind: *line.first().unwrap_or(&b'\r'),
            number: integer(text),
            text: input.span(1, text.len()),
        };
        input.advance(end + 2);
        Some(header)
    }

    /// Reads a line of words.
    async fn inline(&mut self) -> Result<(), ProtocolError> {
        let end = self.find(b'\n').await.ok_or(ProtocolError::EndlessInline)?;
        let mut words = Vec::new();
        inline::split(&mut self.input().unread_mut()[..end], |start, len| {
            words.push((start, len));
        })?;
        for (start, len) in words {
            let word = self.input().span(start, len);
            self.input().push(Token::Bulk(word));
        }
        self.input().advance(end + 1);
        Ok(())
    }

    /// Returns how many bytes there are before the next `byte`. `None`: too many.
    async fn find(&mut self, byte: u8) -> Option<usize> {
        let mut searched = 0;
        loop {
            let unread = self.input().unread();
            if let Some(found) = unread[searched..].iter().position(|b| *b == byte) {
                return Some(searched + found);
            }
            searched = unread.len();
            if searched > LONGEST_LINE {
                return None;
            }
            self.more().await;
        }
    }
}

/// The first line of a value.
struct Header {
    kind: u8,
    number: Option<i64>,
    text: Span,
}
