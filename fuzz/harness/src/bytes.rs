//! Operations from bytes.

/// Bytes that are read one after the other.
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Bytes(bytes)
    }

    /// Returns the next byte, or 0 after the last one: the last operation is a whole one.
    pub(crate) fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// Returns a number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.next()) % limit
    }

    /// Returns a number from -`limit` to `limit`.
    pub(crate) fn around(&mut self, limit: i32) -> i32 {
        i32::from(self.next()) % (2 * limit + 1) - limit
    }

    /// Returns something in one of `of` cases.
    pub(crate) fn sometimes<T>(
        &mut self,
        of: usize,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        (self.below(of) == 0).then(|| read(self))
    }

    /// Reads so many operations at most, as long as there are bytes.
    pub(crate) fn operations<T>(
        mut self,
        most: usize,
        mut read: impl FnMut(&mut Self) -> T,
    ) -> Vec<T> {
        let mut operations = Vec::new();
        while operations.len() < most && !self.0.is_empty() {
            operations.push(read(&mut self));
        }
        operations
    }

    /// Returns what has not been read.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_within_their_limits_and_zero_after_the_end() {
        let all: Vec<u8> = (0..=255).collect();
        let mut bytes = Bytes::new(&all);
        let around: Vec<i32> = (0..7).map(|_| bytes.around(3)).collect();
        assert_eq!(around, [-3, -2, -1, 0, 1, 2, 3]);
        assert_eq!((bytes.below(4), bytes.next()), (3, 8));
        assert_eq!(bytes.rest()[0], 9);
        let mut empty = Bytes::new(&[]);
        assert_eq!((empty.next(), empty.below(5), empty.around(1)), (0, 0, -1));
    }

    #[test]
    fn operations_end_with_the_bytes_or_when_there_are_enough() {
        let read = |bytes: &mut Bytes<'_>| (bytes.next(), bytes.next());
        let bytes = [1, 2, 3];
        assert_eq!(Bytes::new(&bytes).operations(9, read), [(1, 2), (3, 0)]);
        assert_eq!(Bytes::new(&bytes).operations(1, read), [(1, 2)]);
        assert!(Bytes::new(&[]).operations(9, read).is_empty());
    }

    #[test]
    fn sometimes_is_one_case_in_so_many() {
        let all: Vec<u8> = (0..8).collect();
        let mut bytes = Bytes::new(&all);
        let found = (0..8).filter(|_| bytes.sometimes(4, |_| ()).is_some());
        assert_eq!(found.count(), 2);
    }
}
