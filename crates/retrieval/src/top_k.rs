//! The k best of a stream.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A scored row; greater means better: larger score, then smaller id.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranked<T> {
    pub(crate) score: f32,
    pub(crate) id: u64,
    pub(crate) item: T,
}

impl<T: PartialEq> Eq for Ranked<T> {}

impl<T: PartialEq> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: PartialEq> Ord for Ranked<T> {
    /// Reversed, so that a max-heap keeps the worst row on top. Scores are finite here; 0.0 and -0.0
    /// are equal.
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .score
            .partial_cmp(&self.score)
            .unwrap_or(Ordering::Equal)
            .then(self.id.cmp(&other.id))
    }
}

/// Keeps the `k` best rows by descending score, ties by ascending id.
#[derive(Debug)]
pub(crate) struct TopK<T> {
    k: usize,
    heap: BinaryHeap<Ranked<T>>,
}

impl<T: PartialEq> TopK<T> {
    pub(crate) fn new(k: usize) -> Self {
        Self {
            k,
            heap: BinaryHeap::with_capacity(k.min(1024) + 1),
        }
    }

    /// The score below which no row can enter: minus infinity until there are `k`.
    pub(crate) fn floor(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.k => worst.score,
            _ => f32::NEG_INFINITY,
        }
    }

    pub(crate) fn push(&mut self, score: f32, id: u64, item: T) {
        let new = Ranked { score, id, item };
        if self.heap.len() < self.k {
            self.heap.push(new);
        } else if let Some(mut worst) = self.heap.peek_mut() {
            // Smaller in the reversed order is better.
            if new < *worst {
                *worst = new;
            }
        }
    }

    /// Best first.
    pub(crate) fn into_sorted(self) -> Vec<Ranked<T>> {
        self.heap.into_sorted_vec()
    }
}
