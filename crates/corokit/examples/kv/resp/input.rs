//! The bytes that a peer has sent, and the frame that was found in them.

use std::fmt;
use std::ops::Index;

/// The room that a connection starts with.
const SMALLEST: usize = 1 << 10;
/// The most that is read at once, and the most that an idle connection keeps, about.
pub(crate) const LARGEST: usize = 1 << 14;
/// The most by which the storage of a long frame grows at once: what it needs is cleared first.
const LARGEST_STEP: usize = 1 << 20;
/// A storage that is longer gets smaller again, even when there is something unread in it.
const TOO_LONG: usize = 4 * LARGEST;
/// The most pieces of which the memory is kept for the next frame.
const KEPT_TOKENS: usize = 1 << 10;

/// One piece of a frame. A nested value is a flat list: an array, then its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// The next so many values are the elements of an array.
    Array(u32),
    /// The array that is no array (`*-1`).
    NullArray,
    /// A string.
    Bulk(Span),
    /// The string that is no string (`$-1`).
    NullBulk,
    /// A status.
    Simple(Span),
    /// An error.
    Error(Span),
    /// A number.
    Integer(i64),
}

/// A place in a frame: it stays right when the frame moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

/// Received bytes, and how far the parser has come in them.
///
/// ```text
///   storage:  ....used up....|..frame, read..|..frame, unread..|....room....
///                          frame           next               end
/// ```
#[derive(Default)]
pub(crate) struct Input {
    storage: Vec<u8>,
    frame: usize,
    next: usize,
    end: usize,
    /// How much room the last read was offered.
    offered: usize,
    /// The last read left no room: there may be more to read, and more room is of use.
    filled: bool,
    tokens: Vec<Token>,
}

impl Input {
    /// Returns the place for the bytes that are received next. It is never empty, and however long the
    /// frame is, never so large that others would wait while it is filled and read.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.storage.len() - self.end <= self.storage.len() / 2 && self.frame > 0 {
            self.storage.copy_within(self.frame..self.end, 0);
            self.next -= self.frame;
            self.end -= self.frame;
            self.frame = 0;
        }
        let len = self.storage.len();
        if self.end == len || (self.filled && len < LARGEST) {
            let more = len.clamp(SMALLEST, LARGEST_STEP);
            self.storage.resize(len + more, 0);
        }
        let room = &mut self.storage[self.end..];
        self.offered = room.len().min(LARGEST);
        &mut room[..self.offered]
    }

    /// Says that `count` bytes of the [room](Input::room) are received bytes now.
    pub(crate) fn received(&mut self, count: usize) {
        self.end += count;
        self.filled = count == self.offered;
    }

    /// Returns `true` if the last read took all that was there.
    pub(crate) fn is_drained(&self) -> bool {
        !self.filled
    }

    /// Appends bytes that were received elsewhere.
    pub(crate) fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.room();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.received(count);
            bytes = &bytes[count..];
        }
    }

    /// Returns the size of the frame so far.
    pub(crate) fn frame_len(&self) -> usize {
        self.end - self.frame
    }

    /// Returns how many bytes of memory it has.
    #[cfg(test)]
    pub(crate) fn reserved(&self) -> usize {
        self.storage.capacity() + self.tokens.capacity() * size_of::<Token>()
    }

    /// Returns the pieces of the frame.
    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Returns the bytes of a piece of the frame.
    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        &self.storage[self.frame + span.start as usize..][..span.len as usize]
    }

    /// Returns the strings of a request.
    pub(crate) fn args(&self) -> Args<'_> {
        Args {
            frame: &self.storage[self.frame..],
            tokens: &self.tokens,
        }
    }

    /// Forgets the frame that was read last.
    pub(super) fn begin_frame(&mut self) {
        self.tokens.clear();
        self.frame = self.next;
        if self.frame == self.end {
            self.frame = 0;
            self.next = 0;
            self.end = 0;
            if self.storage.len() > LARGEST {
                self.storage = Vec::new();
            }
        } else if self.storage.len() > TOO_LONG && self.end - self.frame <= LARGEST {
            self.storage = self.storage[self.frame..self.end].to_vec();
            self.end -= self.frame;
            self.frame = 0;
            self.next = 0;
        }
        if self.tokens.capacity() > KEPT_TOKENS {
            self.tokens = Vec::new();
        }
    }

    /// Returns what was received and not yet read.
    pub(super) fn unread(&self) -> &[u8] {
        &self.storage[self.next..self.end]
    }

    /// Returns what was received and not yet read, to be changed in place.
    pub(super) fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.storage[self.next..self.end]
    }

    /// Counts the next bytes as read.
    pub(super) fn advance(&mut self, count: usize) {
        self.next += count;
    }

    /// Returns the place of `len` unread bytes, `skip` bytes from here.
    pub(super) fn span(&self, skip: usize, len: usize) -> Span {
        // A frame has less than 4 GiB: the driver drops a client before that.
        Span {
            start: (self.next - self.frame + skip) as u32,
            len: len as u32,
        }
    }

    /// Adds a piece to the frame.
    pub(super) fn push(&mut self, token: Token) {
        self.tokens.push(token);
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("unread", &self.unread().escape_ascii().to_string())
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

/// The strings of a request: the name of the command, then its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Args<'a> {
    frame: &'a [u8],
    tokens: &'a [Token],
}

impl<'a> Args<'a> {
    /// Returns the number of strings, the name of the command included.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Returns the string at `index`.
    pub(crate) fn get(&self, index: usize) -> Option<&'a [u8]> {
        match self.tokens.get(index)? {
            Token::Bulk(span) => Some(&self.frame[span.start as usize..][..span.len as usize]),
            _ => None,
        }
    }

    /// Iterates over the strings from `index` on.
    pub(crate) fn from(self, index: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        (index..self.len()).filter_map(move |index| self.get(index))
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    fn index(&self, index: usize) -> &[u8] {
        self.get(index)
            .expect("a command takes only arguments that its arity promises")
    }
}
