//! Integers as Redis reads them.

/// Reads a decimal integer strictly: no spaces, no `+`, no leading zeros, no `-0`, no overflow.
///
/// What it accepts is exactly what it would print, so a string that is a number can be kept as one.
pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    // Counting downwards reaches `i64::MIN`, which has no positive counterpart.
    let mut number: i64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number
            .checked_mul(10)?
            .checked_sub(i64::from(digit - b'0'))?;
    }
    if negative {
        Some(number)
    } else {
        number.checked_neg()
    }
}
