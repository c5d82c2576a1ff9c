//! `kv --call`: the other side of a connection, without an event loop.
//!
//! The parser is the same coroutine. Here it is driven by a plain loop over a blocking socket.

use std::error::Error;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use corokit::monitor::{Monitor, MonitorExt, Step};

use crate::resp::{self, Ask, Input, Output, Token};

/// Sends one command to a server and prints the reply.
///
/// # Errors
///
/// The server cannot be reached, closes the connection, or sends nonsense.
pub(crate) fn call(address: SocketAddr, command: &[OsString]) -> Result<(), Box<dyn Error>> {
    let mut socket = TcpStream::connect(address)
        .map_err(|error| format!("cannot reach a server on {address}: {error}"))?;
    let mut out = Output::new(usize::MAX);
    out.array(command.len());
    for argument in command {
        out.bulk(argument.as_encoded_bytes());
    }
    socket.write_all(&out.take())?;

    let mut parser = Monitor::boxed(resp::replies);
    let mut step = parser.start();
    loop {
        let input = match step.now() {
            Some(Step::Oob(Ask::More(mut input))) => {
                match socket.read(input.room())? {
                    0 => return Err("the server has closed the connection".into()),
                    count => input.received(count),
                }
                input
            }
            Some(Step::Oob(Ask::Frame(input))) => {
                print!("{}", show(&input));
                return Ok(());
            }
            Some(Step::Done(error)) => return Err(error.into()),
            None => return Err("the parser waits for nothing but its driver".into()),
        };
        step = parser.resume(input);
    }
}

/// Writes a reply as people read it: one value a line, the elements of an array indented.
fn show(input: &Input) -> String {
    let mut text = String::new();
    // How many elements are to come of each array that is not complete.
    let mut open: Vec<u32> = Vec::new();
    for token in input.tokens() {
        let line = match token {
            Token::Array(len) => format!("array of {len}"),
            Token::NullArray | Token::NullBulk => String::from("nothing"),
            Token::Bulk(span) => format!("\"{}\"", input.bytes(*span).escape_ascii()),
            Token::Simple(span) => String::from_utf8_lossy(input.bytes(*span)).into_owned(),
            Token::Error(span) => format!("error: {}", input.bytes(*span).escape_ascii()),
            Token::Integer(number) => number.to_string(),
        };
        text.extend([&"  ".repeat(open.len()), &line, "\n"]);
        if let Some(rest) = open.last_mut() {
            *rest -= 1;
        }
        if let Token::Array(len) = token {
            open.push(*len);
        }
        while open.last() == Some(&0) {
            open.pop();
        }
    }
    text
}
