//! Tokens: a schedule in a short text.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::plan::Plan;

/// Names a schedule: what a failure prints, and what brings it back with
/// [`replay`](crate::replay).
///
/// It belongs to the program that gave it: the same body with the same [`Options`](crate::Options).
///
/// # Examples
///
/// ```
/// use corokit_lab::Token;
///
/// let token: Token = "random-2a".parse()?;
/// assert_eq!(token.to_string(), "random-2a");
/// assert!("no token".parse::<Token>().is_err());
/// # Ok::<(), corokit_lab::TokenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(Schedule);

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// First in, first out.
    Fifo,
    Random {
        seed: u64,
    },
    Pct {
        seed: u64,
        depth: usize,
        steps: usize,
    },
    /// As listed, and first in, first out after that.
    Choices(Vec<usize>),
}

impl Token {
    pub(crate) fn new(schedule: Schedule) -> Self {
        Token(schedule)
    }

    /// Returns a plan that decides as the one that the token was taken from.
    pub(crate) fn plan(&self) -> Plan {
        match &self.0 {
            Schedule::Fifo => Plan::fifo(),
            Schedule::Random { seed } => Plan::random(*seed),
            Schedule::Pct { seed, depth, steps } => Plan::pct(*seed, *depth, *steps),
            Schedule::Choices(choices) => Plan::follow(choices.clone()),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Schedule::Fifo => f.write_str("fifo"),
            Schedule::Random { seed } => write!(f, "random-{seed:x}"),
            Schedule::Pct { seed, depth, steps } => write!(f, "pct-{depth}-{steps}-{seed:x}"),
            Schedule::Choices(choices) => {
                f.write_str("choices-")?;
                let runs = choices.chunk_by(|one, other| one == other);
                for (index, run) in runs.enumerate() {
                    let dot = if index == 0 { "" } else { "." };
                    match run {
                        [choice] => write!(f, "{dot}{choice}")?,
                        [choice, ..] => write!(f, "{dot}{choice}x{}", run.len())?,
                        [] => {}
                    }
                }
                Ok(())
            }
        }
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        parse(text.trim()).map(Token).ok_or(TokenError)
    }
}

/// More choices than any run makes: a token with more of them is not one of ours.
const MOST_CHOICES: usize = 100_000_000;

fn parse(text: &str) -> Option<Schedule> {
    if text == "fifo" {
        return Some(Schedule::Fifo);
    }
    let seed = |text: &str| u64::from_str_radix(text, 16).ok();
    let (kind, rest) = text.split_once('-')?;
    match kind {
        "random" => Some(Schedule::Random { seed: seed(rest)? }),
        "pct" => {
            let mut parts = rest.splitn(3, '-');
            let (depth, steps, text) = (parts.next()?, parts.next()?, parts.next()?);
            Some(Schedule::Pct {
                seed: seed(text)?,
                depth: depth.parse().ok()?,
                steps: steps.parse().ok()?,
            })
        }
        "choices" => {
            let mut choices = Vec::new();
            for run in rest.split('.').filter(|run| !run.is_empty()) {
                let (choice, times) = run.split_once('x').unwrap_or((run, "1"));
                let choice: usize = choice.parse().ok()?;
                let times: usize = times.parse().ok()?;
                if times > MOST_CHOICES - choices.len() {
                    return None;
                }
                choices.resize(choices.len() + times, choice);
            }
            Some(Schedule::Choices(choices))
        }
        _ => None,
    }
}

/// A text is not a [`Token`].
///
/// # Examples
///
/// ```
/// let error = "no token".parse::<corokit_lab::Token>().unwrap_err();
/// assert_eq!(error.to_string(), "this is not a token that a failed run has printed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenError;

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not a token that a failed run has printed")
    }
}

impl Error for TokenError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schedule() -> impl Strategy<Value = Schedule> {
        prop_oneof![
            Just(Schedule::Fifo),
            any::<u64>().prop_map(|seed| Schedule::Random { seed }),
            (any::<u64>(), any::<usize>(), any::<usize>())
                .prop_map(|(seed, depth, steps)| Schedule::Pct { seed, depth, steps }),
            prop::collection::vec(prop_oneof![3 => Just(0), 1 => 0..20usize], 0..50)
                .prop_map(Schedule::Choices),
        ]
    }

    proptest! {
        #[test]
        fn a_token_says_what_it_stands_for(schedule in schedule()) {
            let token = Token::new(schedule);
            prop_assert_eq!(token.to_string().parse(), Ok(token));
        }

        #[test]
        fn anything_else_is_refused_or_understood(text in "[a-z0-9.x-]{0,30}") {
            if let Ok(token) = text.parse::<Token>() {
                prop_assert_eq!(token.to_string().parse(), Ok(token));
            }
        }
    }

    #[test]
    fn tokens_that_ask_for_too_much_are_refused() {
        assert_eq!("choices-1x99999999999".parse::<Token>(), Err(TokenError));
        assert_eq!(
            "choices-0x12.3".parse::<Token>().unwrap().to_string(),
            "choices-0x12.3"
        );
    }
}
