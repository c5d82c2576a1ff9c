//! Patterns for keys, with exactly Redis' rules.
//!
//! A long pattern and a long text may need as many steps as the product of their lengths. So a [`Match`]
//! can be made a few steps at a time.

/// The longest pattern that the commands take.
pub(crate) const LONGEST: usize = 1024;

/// Returns `true` if the whole of `text` matches `pattern`.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let mut comparison = Match::new(pattern);
    loop {
        let mut steps = usize::MAX;
        if let Some(matches) = comparison.go_on(text, &mut steps) {
            return matches;
        }
    }
}

/// A pattern that is compared with a text.
///
/// `?` is any byte, `*` any number of any bytes, `[abc]`, `[a-z]` and `[^a]` one of a set (a set
/// that is not closed ends with the pattern), and a backslash takes the next byte literally. As in
/// Redis, the empty text matches `*` and the empty pattern only.
#[derive(Debug)]
pub(crate) struct Match<'a> {
    pattern: &'a [u8],
    /// What is left of the pattern, and where in the text it is compared.
    rest: &'a [u8],
    at: usize,
    /// After the last star: the pattern, and where its match was last tried.
    star: Option<(&'a [u8], usize)>,
}

impl<'a> Match<'a> {
    pub(crate) fn new(pattern: &'a [u8]) -> Self {
        Match {
            pattern,
            rest: pattern,
            at: 0,
            star: None,
        }
    }

    /// Compares on, with always the same text, and takes off `steps` what it needs. Returns whether it
    /// matches; `None`: that needs more steps.
    pub(crate) fn go_on(&mut self, text: &[u8], steps: &mut usize) -> Option<bool> {
        if self.pattern == b"*" || text.is_empty() {
            return Some(self.pattern == b"*" || self.pattern == text);
        }
        loop {
            let cost = match self.rest {
                // All of a set is looked at.
                [b'[', ..] => self.rest.len(),
                _ => 1,
            };
            if *steps == 0 {
                return None;
            }
            *steps = steps.saturating_sub(cost);
            if let [b'*', after @ ..] = self.rest {
                self.star = Some((after, self.at));
                self.rest = after;
                continue;
            }
            match text.get(self.at) {
                None if self.rest.is_empty() => return Some(true),
                // A longer match of the star leaves even less text for the rest.
                None => return Some(false),
                Some(byte) => {
                    if let Some(after) = one(self.rest, *byte) {
                        self.rest = after;
                        self.at += 1;
                        continue;
                    }
                }
            }
            // Let the last star match one byte more. Earlier stars cannot do better.
            let Some((after, tried)) = self.star else {
                return Some(false);
            };
            self.star = Some((after, tried + 1));
            self.rest = after;
            self.at = tried + 1;
        }
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
