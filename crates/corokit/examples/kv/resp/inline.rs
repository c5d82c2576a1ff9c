//! Requests that people type: words, separated by spaces, quoted where needed.

use super::ProtocolError;

/// Splits a line into words by Redis' rules, in place, and tells `word` where each one is now.
///
/// Between double quotes `\n`, `\r`, `\t`, `\a`, `\b` and `\xHH` stand for bytes, and any other
/// character after a backslash for itself; between single quotes only `\'` is special. After a
/// closing quote the word must end. A word never grows by this, so it fits where it was.
pub(super) fn split(
    line: &mut [u8],
    mut word: impl FnMut(usize, usize),
) -> Result<(), ProtocolError> {
    let mut from = 0;
    let mut to = 0;
    loop {
        while line.get(from).is_some_and(|byte| is_space(*byte)) {
            from += 1;
        }
        if from == line.len() {
            return Ok(());
        }
        let start = to;
        while let Some(&byte) = line.get(from) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' | 0 => break,
                b'"' | b'\'' => {
                    (from, to) = quoted(line, from, to)?;
                    // The word must end here.
                    if line.get(from).is_some_and(|byte| !is_space(*byte)) {
                        return Err(ProtocolError::UnbalancedQuotes);
                    }
                    break;
                }
                _ => {
                    line[to] = byte;
                    from += 1;
                    to += 1;
                }
            }
        }
        word(start, to - start);
    }
}

/// Unquotes the text at `from`, which is a quote, to `to`. Returns where both ends are then.
fn quoted(
    line: &mut [u8],
    mut from: usize,
    mut to: usize,
) -> Result<(usize, usize), ProtocolError> {
    let quote = line[from];
    from += 1;
    loop {
        let (byte, used) = match (quote, &line[from..]) {
            (b'"', [b'\\', b'x', high, low, ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (hex(*high) << 4 | hex(*low), 4)
            }
            (b'"', [b'\\', byte, ..]) => (unescape(*byte), 2),
            (b'\'', [b'\\', b'\'', ..]) => (b'\'', 2),
            (_, [byte, ..]) if *byte == quote => return Ok((from + 1, to)),
            (_, [byte, ..]) => (*byte, 1),
            (_, []) => return Err(ProtocolError::UnbalancedQuotes),
        };
        line[to] = byte;
        from += used;
        to += 1;
    }
}

/// Returns `true` for what may stand between words.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0b | 0x0c | 0)
}

/// Returns the byte that a backslash and `byte` stand for.
fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

/// Returns the value of a hexadecimal digit.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
