//! Tokens: a schedule in a short text.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::options::Options;
use crate::plan::Plan;
use crate::run::Attack;
use crate::victim::Blow;

/// Names a schedule: what a failure prints, and what brings it back with
/// [`replay`](crate::replay).
///
/// It belongs to the program that gave it, and says everything that the run depends on: the
/// schedule, the faults that were allowed, the victim that was struck.
///
/// # Examples
///
/// ```
/// use corokit_lab::Token;
///
/// let token: Token = "random-2a+delays".parse()?;
/// assert_eq!(token.to_string(), "random-2a+delays");
/// assert!("no token".parse::<Token>().is_err());
/// # Ok::<(), corokit_lab::TokenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    schedule: Schedule,
    pub(crate) delays: bool,
    pub(crate) wakes: bool,
    pub(crate) attack: Option<Attack>,
}

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
        Token {
            schedule,
            delays: false,
            wakes: false,
            attack: None,
        }
    }

    /// Adds what else the run depends on.
    pub(crate) fn faults(self, options: &Options, attack: Option<Attack>) -> Self {
        Token {
            schedule: self.schedule,
            delays: options.delays,
            wakes: options.spurious_wakes,
            attack,
        }
    }

    /// Returns a plan that decides as the one that the token was taken from.
    pub(crate) fn plan(&self) -> Plan {
        match &self.schedule {
            Schedule::Fifo => Plan::fifo(),
            Schedule::Random { seed } => Plan::random(*seed),
            Schedule::Pct { seed, depth, steps } => Plan::pct(*seed, *depth, *steps),
            Schedule::Choices(choices) => Plan::follow(choices.clone()),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.schedule.fmt(f)?;
        if self.delays {
            f.write_str("+delays")?;
        }
        if self.wakes {
            f.write_str("+wakes")?;
        }
        match self.attack {
            Some(Attack { victim, step, blow }) => write!(f, "+{}-{victim}-{step}", word(blow)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
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

fn word(blow: Blow) -> &'static str {
    match blow {
        Blow::Cancel => "drop",
        Blow::Panic => "panic",
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        parse(text.trim()).ok_or(TokenError)
    }
}

/// More choices than any run makes: a token with more of them is not one of ours.
const MOST_CHOICES: usize = 100_000_000;

fn parse(text: &str) -> Option<Token> {
    let mut parts = text.split('+');
    let mut token = Token::new(schedule(parts.next()?)?);
    for part in parts {
        match part {
            "delays" => token.delays = true,
            "wakes" => token.wakes = true,
            attack => token.attack = Some(parse_attack(attack)?),
        }
    }
    Some(token)
}

fn parse_attack(text: &str) -> Option<Attack> {
    let (blow, numbers) = text.split_once('-')?;
    let (victim, step) = numbers.split_once('-')?;
    let blows = [Blow::Cancel, Blow::Panic];
    Some(Attack {
        blow: blows.into_iter().find(|known| word(*known) == blow)?,
        victim: victim.parse().ok()?,
        step: step.parse().ok()?,
    })
}

fn schedule(text: &str) -> Option<Schedule> {
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
            // Without any choice it would be another name for first in, first out.
            if choices.is_empty() {
                return None;
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
            prop::collection::vec(prop_oneof![3 => Just(0), 1 => 0..20usize], 1..50)
                .prop_map(Schedule::Choices),
        ]
    }

    proptest! {
        #[test]
        fn a_token_says_what_it_stands_for(
            schedule in schedule(),
            delays: bool,
            wakes: bool,
            attack in prop::option::of((any::<usize>(), any::<usize>(), any::<bool>())),
        ) {
            let attack = attack.map(|(victim, step, panic)| {
                let blow = if panic { Blow::Panic } else { Blow::Cancel };
                Attack { victim, step, blow }
            });
            let token = Token { schedule, delays, wakes, attack };
            prop_assert_eq!(token.to_string().parse(), Ok(token));
        }

        #[test]
        fn anything_else_is_refused_or_understood(text in "(fifo|random|pct|choices|[a-z]{0,5})[a-z0-9.x+-]{0,20}") {
            if let Ok(token) = text.parse::<Token>() {
                prop_assert_eq!(token.to_string().parse(), Ok(token));
            }
        }
    }

    #[test]
    fn a_token_is_short() {
        let token: Token = "choices-0x12.3+delays+wakes+drop-0-5".parse().unwrap();
        assert_eq!(
            token.attack.map(|attack| (attack.victim, attack.step)),
            Some((0, 5))
        );
        assert_eq!(token.to_string(), "choices-0x12.3+delays+wakes+drop-0-5");
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
