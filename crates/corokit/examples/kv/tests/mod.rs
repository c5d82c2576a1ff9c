//! Tests of the parts, without a socket. The whole server is tested by `tests/kv.rs`.

mod blocking;
mod feed;
mod garbage;
mod glob;
mod inline;
mod journal;
mod memory;
mod parser;
mod replies;
mod requests;
mod scan;
mod store;
mod turns;

use corokit::monitor::{Monitor, MonitorExt, Step};

use crate::resp::{self, Ask, Input};
use feed::{Request, Value, parse, parse_replies};

/// Parses one inline request, to be given to a command.
fn request(line: &str) -> Box<Input> {
    let mut parser = Monitor::boxed(resp::requests);
    let Some(Step::Oob(Ask::More(mut input))) = parser.start().now() else {
        panic!("a new parser has no bytes");
    };
    input.append(line.as_bytes());
    input.append(b"\n");
    match parser.resume(input).now() {
        Some(Step::Oob(Ask::Frame(input))) => input,
        other => panic!("{line:?} is no request: {other:?}"),
    }
}
