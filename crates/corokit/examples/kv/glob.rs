//! Patterns for keys, with exactly Redis' rules.

/// Returns `true` if the whole of `text` matches `pattern`.
///
/// `?` is any byte, `*` any number of any bytes, `[abc]`, `[a-z]` and `[^a]` one of a set (a set
/// that is not closed ends with the pattern), and a backslash takes the next byte literally. As in
/// Redis, the empty text matches `*` and the empty pattern only.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    if pattern == b"*" || text.is_empty() {
        return pattern == b"*" || pattern == text;
    }
    let mut rest = pattern;
    let mut at = 0;
    // After the last star: the pattern, and where its match was last tried.
    let mut star: Option<(&[u8], usize)> = None;
    loop {
        if let [b'*', after @ ..] = rest {
            star = Some((after, at));
            rest = after;
            continue;
        }
        match text.get(at) {
            None if rest.is_empty() => return true,
            // A longer match of the star leaves even less text for the rest.
            None => return false,
            Some(byte) => {
                if let Some(after) = one(rest, *byte) {
                    rest = after;
                    at += 1;
                    continue;
                }
            }
        }
        // Let the last star match one byte more. Earlier stars cannot do better.
        let Some((after, tried)) = star else {
            return false;
        };
        star = Some((after, tried + 1));
        rest = after;
        at = tried + 1;
    }
}

/// Matches one byte against the first element of a pattern. Returns the rest of the pattern.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => set(rest, byte),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte).then_some(rest),
    }
}

/// Matches one byte against a set. Returns the pattern after it.
fn set(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (negated, mut rest) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut found = false;
    loop {
        (found, rest) = match rest {
            [] => break,
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [b'\\', literal, after @ ..] => (found || *literal == byte, after),
            [from, b'-', to, after @ ..] => {
                let range = *from.min(to)..=*from.max(to);
                (found || range.contains(&byte), after)
            }
            [literal, after @ ..] => (found || *literal == byte, after),
        };
    }
    (found != negated).then_some(rest)
}
