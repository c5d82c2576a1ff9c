//! What can be wrong with the bytes of a peer.

use std::fmt;

/// The peer broke the protocol. Nothing after this point of its stream can be understood.
///
/// The `Display` text is what Redis says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProtocolError {
    /// The length of an array is no number, or too large.
    InvalidArrayLength,
    /// The length of a string is no number, negative, or too large.
    InvalidBulkLength,
    /// Something other than a string stands where a request must have one. An array does, too: the
    /// nesting depth of a request is one.
    ExpectedBulk(u8),
    /// The line that begins an array does not end.
    EndlessArrayHeader,
    /// The line that begins a string does not end.
    EndlessBulkHeader,
    /// An inline request does not end.
    EndlessInline,
    /// A quote is not closed, or text follows it directly.
    UnbalancedQuotes,
    /// A reply is nested too deeply.
    TooDeep,
    /// A reply begins with an unknown byte, or its number is none.
    InvalidReply,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        f.write_str(match self {
            ProtocolError::InvalidArrayLength => "invalid multibulk length",
            ProtocolError::InvalidBulkLength => "invalid bulk length",
            ProtocolError::ExpectedBulk(got) => {
                return write!(f, "expected '$', got '{}'", char::from(*got));
            }
            ProtocolError::EndlessArrayHeader => "too big mbulk count string",
            ProtocolError::EndlessBulkHeader => "too big bulk count string",
            ProtocolError::EndlessInline => "too big inline request",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in request",
            ProtocolError::TooDeep => "too deeply nested reply",
            ProtocolError::InvalidReply => "invalid reply",
        })
    }
}

impl std::error::Error for ProtocolError {}
