//! As much of a Redis client as is needed to ask one thing and read a one-line answer.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// A connection to a server on this machine.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let stream = BufReader::new(stream);
        Ok(Self { stream })
    }

    /// Sends a command and returns its answer, which must be a single line, without the line's end.
    pub(crate) fn ask(&mut self, words: &[&str]) -> io::Result<String> {
        let mut request = Vec::new();
        push_command(&mut request, words);
        self.send(&request)?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    /// Sends a command and reads its answer: an array of strings of 16 bytes.
    pub(crate) fn skip_array(&mut self, words: &[&str]) -> io::Result<()> {
        const ELEMENT: u64 = "$16\r\n0123456789abcdef\r\n".len() as u64;
        let head = self.ask(words)?;
        let len: Option<u64> = head.strip_prefix('*').and_then(|len| len.parse().ok());
        let len = len.ok_or_else(|| io::Error::other(format!("the server answered {head}")))?;
        let mut elements = self.stream.by_ref().take(len * ELEMENT);
        match io::copy(&mut elements, &mut io::sink())? {
            read if read == len * ELEMENT => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Sends encoded commands.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(request)
    }

    /// Reads `count` times `+OK`.
    pub(crate) fn expect_ok(&mut self, count: usize) -> io::Result<()> {
        const OK: &[u8] = b"+OK\r\n";
        let mut answers = vec![0; count * OK.len()];
        self.stream.read_exact(&mut answers)?;
        if answers.chunks(OK.len()).all(|answer| answer == OK) {
            Ok(())
        } else {
            Err(io::Error::other(
                "the server answered something else than OK",
            ))
        }
    }
}

/// Appends an encoded command.
pub(crate) fn push_command(request: &mut Vec<u8>, words: &[&str]) {
    request.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}
