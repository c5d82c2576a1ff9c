//! RESP2, the protocol of Redis: what the two sides of a connection say to each other.
//!
//! The [parser](requests) is a coroutine. It never touches a socket: what it needs, it asks of
//! whoever drives it. So the server drives it from a socket of the event loop, `kv --call` from a
//! blocking socket, and the tests from a byte string, two bytes at a time.
//!
//! ```text
//!             Ask::More(input)      the rest of a frame is missing
//!   driver  <------------------  parser
//!             Ask::Frame(input)     one whole request or reply was read
//! ```
//!
//! The [`Input`] travels with the question, and comes back as the answer: whoever needs the buffer
//! has it, and nothing is copied or shared.

mod error;
mod inline;
mod input;
mod number;
mod output;
mod parser;

pub(crate) use error::ProtocolError;
#[cfg(test)]
pub(crate) use input::LARGEST;
pub(crate) use input::{Args, Input, Token};
pub(crate) use number::integer;
pub(crate) use output::Output;
pub(crate) use parser::{Ask, replies, requests};
