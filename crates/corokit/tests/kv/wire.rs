//! A client that sees every byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;

/// A socket of either kind.
pub(crate) trait Socket: Read + Write {
    /// Says that nothing more will be sent.
    fn end(&self);
}

impl Socket for TcpStream {
    fn end(&self) {
        // The server may have closed the connection already.
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Socket for UnixStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

/// A connection to a server.
pub(crate) struct Wire<S: Socket> {
    pub(crate) socket: BufReader<S>,
}

impl<S: Socket> Wire<S> {
    pub(crate) fn new(socket: S) -> Self {
        Wire {
            socket: BufReader::new(socket),
        }
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).unwrap();
    }

    /// Sends an inline command and returns the bytes of its reply.
    pub(crate) fn call(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// Returns the bytes of the next reply, with line breaks written as `\r\n`.
    pub(crate) fn reply(&mut self) -> String {
        self.value().bytes().escape_ascii().to_string()
    }

    /// Reads the next reply.
    pub(crate) fn value(&mut self) -> Value {
        let mut head = Vec::new();
        self.socket.read_until(b'\n', &mut head).unwrap();
        assert!(
            head.ends_with(b"\r\n"),
            "the reply ends early: {}",
            head.escape_ascii()
        );
        let number = std::str::from_utf8(&head[1..head.len() - 2])
            .unwrap()
            .parse::<i64>();
        let mut elements = Vec::new();
        match (head[0], number) {
            (b'$', Ok(len @ 0..)) => {
                let start = head.len();
                head.resize(start + len as usize + 2, 0);
                self.socket.read_exact(&mut head[start..]).unwrap();
            }
            (b'*', Ok(len @ 0..)) => elements.extend((0..len).map(|_| self.value())),
            (b'$' | b'*', Ok(-1)) | (b'+' | b'-', _) | (b':', Ok(_)) => {}
            _ => panic!("this is no reply: {}", head.escape_ascii()),
        }
        Value { head, elements }
    }

    /// Returns the bytes of the next reply, which is one line; `None` if the server has gone.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.socket.read_until(b'\n', &mut line).ok()?;
        let whole = line.ends_with(b"\r\n");
        whole.then(|| line.escape_ascii().to_string())
    }

    /// Returns all that comes until the server closes the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.socket.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

/// A reply: its own bytes, then those of its elements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Value {
    head: Vec<u8>,
    elements: Vec<Value>,
}

impl Value {
    /// Returns all bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        bytes.extend(self.elements.iter().flat_map(Value::bytes));
        bytes
    }

    /// Puts the elements of arrays in order, where their order means nothing.
    pub(crate) fn sort(&mut self) {
        self.elements.iter_mut().for_each(Value::sort);
        self.elements.sort();
    }
}
