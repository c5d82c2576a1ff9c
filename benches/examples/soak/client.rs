//! A client that knows what it is told.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nobody waits longer for a reply.
const PATIENCE: Duration = Duration::from_secs(30);

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    /// No string, or no array.
    Nothing,
    Array(Vec<Reply>),
}

/// A connection.
pub(crate) struct Client {
    socket: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let socket = BufReader::new(socket);
        Ok(Client { socket })
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        self.socket.get_ref()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.get_mut().write_all(bytes)
    }

    /// Sends a command and reads the reply.
    pub(crate) fn call(&mut self, words: &[&[u8]]) -> io::Result<Reply> {
        self.send(&command(words))?;
        self.reply()
    }

    /// Sends a line and reads the reply.
    pub(crate) fn line(&mut self, line: &str) -> io::Result<Reply> {
        self.send(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        if self.socket.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let broken = || io::Error::other(format!("this is no reply: {line:?}"));
        let Some(text) = line.strip_suffix("\r\n") else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let (kind, text) = text.split_at_checked(1).ok_or_else(broken)?;
        let number = text.parse::<i64>();
        Ok(match (kind, number) {
            ("+", _) => Reply::Simple(text.into()),
            ("-", _) => Reply::Error(text.into()),
            (":", Ok(number)) => Reply::Integer(number),
            ("$" | "*", Ok(-1)) => Reply::Nothing,
            ("$", Ok(len @ 0..)) => {
                let mut text = vec![0; len as usize + 2];
                self.socket.read_exact(&mut text)?;
                text.truncate(len as usize);
                Reply::Bulk(text)
            }
            ("*", Ok(len @ 0..)) => {
                let elements = (0..len).map(|_| self.reply());
                Reply::Array(elements.collect::<io::Result<_>>()?)
            }
            _ => return Err(broken()),
        })
    }
}

/// Encodes a command.
pub(crate) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
