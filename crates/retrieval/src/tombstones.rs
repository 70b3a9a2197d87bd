//! Which rows are removed.

/// One bit per row: removed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tombstones {
    pub(crate) words: Vec<u64>,
    pub(crate) count: usize,
}

impl Tombstones {
    pub(crate) fn contains(&self, at: usize) -> bool {
        self.words
            .get(at / 64)
            .is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Marks a row; false if it was marked already.
    pub(crate) fn insert(&mut self, at: usize) -> bool {
        if self.contains(at) {
            return false;
        }
        if self.words.len() <= at / 64 {
            self.words.resize(at / 64 + 1, 0);
        }
        if let Some(word) = self.words.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
        self.count += 1;
        true
    }
}
