//! What happens to the store, as commands that do the same to another one.
//!
//! They say what has come out, not what was asked for: a counter as the number that it has then, a time
//! to live as the moment at which it ends, and a key that has expired as one that was removed.

use super::{End, Millis, Store};

/// The effects that have not been taken yet.
#[derive(Debug)]
pub(super) struct Effects {
    bytes: Vec<u8>,
    /// The Unix time, in milliseconds, when the server started.
    epoch: u64,
}

impl Effects {
    fn begin(&mut self, strings: usize) {
        self.header(b'*', strings);
    }

    fn string(&mut self, string: &[u8]) {
        self.header(b'$', string.len());
        self.bytes.extend_from_slice(string);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn moment(&mut self, moment: Millis) {
        let millis = self.epoch + moment.since(Millis::START);
        self.string(itoa::Buffer::new().format(millis).as_bytes());
    }

    fn header(&mut self, kind: u8, number: usize) {
        self.bytes.push(kind);
        let mut buffer = itoa::Buffer::new();
        self.bytes
            .extend_from_slice(buffer.format(number).as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
    }
}

impl Store {
    /// Keeps what happens from now on, to be taken as news. `epoch` is the Unix time in milliseconds
    /// when the server started.
    pub(crate) fn keep_effects(&mut self, epoch: u64) {
        self.effects = Some(Effects {
            bytes: Vec::new(),
            epoch,
        });
    }

    pub(super) fn take_effects(&mut self) -> Vec<u8> {
        match &mut self.effects {
            Some(effects) => std::mem::take(&mut effects.bytes),
            None => Vec::new(),
        }
    }

    pub(super) fn note_set(&mut self, key: &[u8], string: &[u8], deadline: Option<Millis>) {
        if let Some(effects) = &mut self.effects {
            effects.begin(if deadline.is_some() { 5 } else { 3 });
            for part in [b"SET", key, string] {
                effects.string(part);
            }
            if let Some(deadline) = deadline {
                effects.string(b"PXAT");
                effects.moment(deadline);
            }
        }
    }

    pub(super) fn note_deadline(&mut self, key: &[u8], deadline: Option<Millis>) {
        if let Some(effects) = &mut self.effects {
            match deadline {
                Some(deadline) => {
                    effects.begin(3);
                    effects.string(b"PEXPIREAT");
                    effects.string(key);
                    effects.moment(deadline);
                }
                None => self.note(&[b"PERSIST", key]),
            }
        }
    }

    /// Says that so many elements have been put in at an end of a list.
    pub(super) fn note_pushes(&mut self, key: &[u8], end: End, count: usize) {
        let Some(mut effects) = self.effects.take() else {
            return;
        };
        effects.begin(2 + count);
        effects.string(match end {
            End::Left => b"LPUSH",
            End::Right => b"RPUSH",
        });
        effects.string(key);
        if let Ok(Some(list)) = self.list(key) {
            match end {
                End::Left => list.range(..count).rev().for_each(|e| effects.string(e)),
                End::Right => list
                    .range(list.len() - count..)
                    .for_each(|e| effects.string(e)),
            }
        }
        self.effects = Some(effects);
    }

    pub(super) fn note_pop(&mut self, key: &[u8], end: End) {
        self.note(&[
            match end {
                End::Left => b"LPOP",
                End::Right => b"RPOP",
            },
            key,
        ]);
    }

    pub(super) fn note_pops(&mut self, key: &[u8], end: End, count: usize) {
        let command: &[u8] = match end {
            End::Left => b"LPOP",
            End::Right => b"RPOP",
        };
        self.note(&[command, key, itoa::Buffer::new().format(count).as_bytes()]);
    }

    pub(super) fn note(&mut self, command: &[&[u8]]) {
        if let Some(effects) = &mut self.effects {
            effects.begin(command.len());
            for string in command {
                effects.string(string);
            }
        }
    }
}
