//! Replies, gathered until it is worth a write.

use std::fmt::{self, Display, Write};

/// The replies that a connection has not written yet.
///
/// Its size is bounded: what would make it larger than its limit is left out, and
/// [`is_overflown`](Output::is_overflown) says so from then on.
pub(crate) struct Output {
    bytes: Vec<u8>,
    limit: usize,
    overflown: bool,
}

impl Output {
    /// Makes an empty output that holds at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Output {
            bytes: Vec::new(),
            limit,
            overflown: false,
        }
    }

    /// Returns the number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns `true` if something had to be left out.
    pub(crate) fn is_overflown(&self) -> bool {
        self.overflown
    }

    /// Takes the bytes out.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Gives an emptied buffer back, to be filled again.
    pub(crate) fn reuse(&mut self, buffer: Vec<u8>) {
        if self.bytes.capacity() == 0 {
            self.bytes = buffer;
        }
    }

    /// Says a word, such as `OK`.
    pub(crate) fn simple(&mut self, text: &str) {
        self.raw(&[b"+", text.as_bytes(), b"\r\n"]);
    }

    /// Says what is wrong. The text begins with the kind of error, such as `ERR`.
    pub(crate) fn error(&mut self, error: impl Display) {
        let mut text = String::from("-");
        write!(text, "{error}").expect("a string takes any text");
        // A line break would end the reply too early.
        let text = text.replace(['\r', '\n'], " ");
        self.raw(&[text.as_bytes(), b"\r\n"]);
    }

    /// Says a number.
    pub(crate) fn integer(&mut self, number: i64) {
        self.header(b":", number);
    }

    /// Says a string.
    pub(crate) fn bulk(&mut self, text: &[u8]) {
        self.header(b"$", text.len() as i64);
        self.raw(&[text, b"\r\n"]);
    }

    /// Says that there is no string.
    pub(crate) fn null_bulk(&mut self) {
        self.raw(&[b"$-1\r\n"]);
    }

    /// Says that an array of `len` values follows.
    pub(crate) fn array(&mut self, len: usize) {
        self.header(b"*", len as i64);
    }

    /// Says that there is no array.
    pub(crate) fn null_array(&mut self) {
        self.raw(&[b"*-1\r\n"]);
    }

    fn header(&mut self, kind: &[u8], number: i64) {
        self.raw(&[kind, itoa::Buffer::new().format(number).as_bytes(), b"\r\n"]);
    }

    fn raw<const N: usize>(&mut self, parts: &[&[u8]; N]) {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if self.overflown || self.bytes.len() + len > self.limit {
            self.overflown = true;
            return;
        }
        self.bytes.reserve(len);
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Output")
            .field(&self.bytes.escape_ascii().to_string())
            .finish()
    }
}
