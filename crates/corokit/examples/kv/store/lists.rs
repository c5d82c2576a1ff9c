//! Lists.

use super::{Bytes, List, Store, Value, WrongType};

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The first element.
    Left,
    /// The last element.
    Right,
}

impl Store {
    /// Returns the list of a key.
    pub(crate) fn list(&mut self, key: &[u8]) -> Result<Option<&mut List>, WrongType> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(Value::String(_)) => Err(WrongType),
        }
    }

    /// Puts elements in, one after the other, at an end of the list of a key. Returns how many it
    /// has then, before anybody who [waits](Store::wait) for one is [served](Store::serve).
    pub(crate) fn push<'a>(
        &mut self,
        key: &[u8],
        end: End,
        elements: impl Iterator<Item = &'a [u8]>,
    ) -> Result<usize, WrongType> {
        let list = match self.list(key)? {
            Some(list) => list,
            None => {
                let index = self.insert(key, Value::List(Box::default()));
                match &mut self.entries[index].value {
                    Value::List(list) => list,
                    Value::String(_) => return Err(WrongType),
                }
            }
        };
        for element in elements {
            let element = Bytes::from_slice(element);
            match end {
                End::Left => list.push_front(element),
                End::Right => list.push_back(element),
            }
        }
        Ok(list.len())
    }

    /// Takes an element out at an end of the list of a key. A list without elements is removed.
    pub(crate) fn pop(&mut self, key: &[u8], end: End) -> Result<Option<Bytes>, WrongType> {
        let Some(list) = self.list(key)? else {
            return Ok(None);
        };
        let element = match end {
            End::Left => list.pop_front(),
            End::Right => list.pop_back(),
        };
        if list.is_empty() {
            self.remove(key);
        }
        Ok(element)
    }
}
