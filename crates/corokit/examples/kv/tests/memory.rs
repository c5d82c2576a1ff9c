//! What a connection needs: no more than it has received, whatever it has announced, and little when it has
//! nothing to do.

use corokit::monitor::{Monitor, MonitorExt, Step};

use crate::resp::{self, Ask, LARGEST};

/// Feeds the request parser, and checks after each piece that it has no more memory than `most` allows for
/// so many bytes received. Returns how much it has at the end.
fn feed(pieces: &[&[u8]], most: impl Fn(usize) -> usize) -> usize {
    let mut parser = Monitor::boxed(resp::requests);
    let mut step = parser.start();
    let mut pieces = pieces.iter();
    let mut received = 0;
    loop {
        let input = match step.now().expect("the parser waits only for its driver") {
            Step::Oob(Ask::More(mut input)) => {
                let reserved = input.reserved();
                let allowed = most(received);
                assert!(
                    reserved <= allowed,
                    "{reserved} > {allowed} bytes of memory for {received} bytes"
                );
                let Some(piece) = pieces.next() else {
                    return reserved;
                };
                input.append(piece);
                received += piece.len();
                input
            }
            Step::Oob(Ask::Frame(input)) => input,
            Step::Done(error) => panic!("{error}"),
        };
        step = parser.resume(input);
    }
}

#[test]
fn what_is_announced_takes_no_memory() {
    for announced in [
        "*1048576\r\n",
        "*1\r\n$536870912\r\n",
        "*1048576\r\n$0\r\n\r\n",
    ] {
        feed(&[announced.as_bytes()], |_| 4096);
    }
}

#[test]
fn memory_grows_with_what_is_received() {
    let piece = vec![b'x'; LARGEST];
    let mut pieces = vec![&b"*1\r\n$20000000\r\n"[..]];
    pieces.extend((0..1000).map(|_| &piece[..]));
    // A vector that grows may have twice what it holds.
    feed(&pieces, |received| 2 * received + 4096);

    // The shortest strings of all.
    let piece = b"$0\r\n\r\n".repeat(1000);
    let mut pieces = vec![&b"*1048576\r\n"[..]];
    pieces.extend((0..1000).map(|_| &piece[..]));
    feed(&pieces, |received| 10 * received + 4096);
}

/// A client that has sent something long may always have the beginning of the next command on its way.
#[test]
fn memory_is_given_back_also_when_something_is_unread() {
    let long = format!("*1\r\n$10000000\r\n{}\r\nPI", "x".repeat(10_000_000));
    let kept = feed(&[long.as_bytes(), b"NG\r\nPI"], |received| {
        3 * received + 4096
    });
    assert!(kept <= 4 * LARGEST, "{kept} bytes");

    let many = format!("*1000000\r\n{}PI", "$0\r\n\r\n".repeat(1_000_000));
    let kept = feed(&[many.as_bytes(), b"NG\r\nPI"], |received| {
        10 * received + 4096
    });
    assert!(kept <= 4 * LARGEST, "{kept} bytes");
}
