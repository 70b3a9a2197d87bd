//! Orders in which a data set is gone through.

use std::sync::{Arc, Mutex, PoisonError};

use crate::seed::mix;

/// The rows of a data set in an order that depends on seed and epoch alone.
#[derive(Debug)]
pub(crate) struct EpochOrder {
    draws: Draws,
    seed: u64,
    /// The order of the last epoch asked for.
    kept: Mutex<Option<(u64, Arc<Vec<usize>>)>>,
}

/// What an epoch is.
#[derive(Debug)]
enum Draws {
    /// Each of so many rows once.
    Rows(usize),
    /// Each place once, with at most so many of its rows one after the other.
    Places {
        places: Vec<Vec<usize>>,
        most: usize,
    },
}

impl EpochOrder {
    /// Every epoch takes each row once.
    pub(crate) fn new(rows: usize, seed: u64) -> Self {
        Self::of(Draws::Rows(rows), seed)
    }

    /// Every epoch takes each place once: `most` of its rows, drawn anew in each epoch, or all if
    /// there are fewer.
    pub(crate) fn of_places(places: Vec<Vec<usize>>, most: usize, seed: u64) -> Self {
        Self::of(Draws::Places { places, most }, seed)
    }

    fn of(draws: Draws, seed: u64) -> Self {
        Self {
            draws,
            seed,
            kept: Mutex::new(None),
        }
    }

    /// Number of draws of an epoch, the same in all.
    pub(crate) fn epoch_len(&self) -> usize {
        match &self.draws {
            Draws::Rows(rows) => *rows,
            Draws::Places { places, most } => places.iter().map(|p| p.len().min(*most)).sum(),
        }
    }

    /// The row of draw number `index`, counted over all epochs; 0 if there are no rows.
    pub(crate) fn row(&self, index: u64) -> usize {
        let length = self.epoch_len().max(1) as u64;
        let (epoch, at) = (index / length, index % length);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let order = match &*kept {
            Some((of, order)) if *of == epoch => order.clone(),
            _ => {
                let order = Arc::new(self.order(mix(self.seed, epoch)));
                *kept = Some((epoch, order.clone()));
                order
            }
        };
        // Only without rows is there none, and batches are not made of no rows.
        order.get(at as usize).copied().unwrap_or(0)
    }

    fn order(&self, seed: u64) -> Vec<usize> {
        match &self.draws {
            Draws::Rows(rows) => shuffled(*rows, seed),
            Draws::Places { places, most } => shuffled(places.len(), seed)
                .into_iter()
                .filter_map(|k| Some((k, places.get(k)?)))
                .flat_map(|(k, rows)| {
                    let own = shuffled(rows.len(), mix(seed, !(k as u64)));
                    let drawn = own.into_iter().take(*most);
                    drawn.filter_map(|i| rows.get(i).copied())
                })
                .collect(),
        }
    }
}

/// A permutation by the method of Fisher and Yates.
pub(crate) fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for i in (1..order.len()).rev() {
        let j = mix(seed, i as u64) % (i as u64 + 1);
        order.swap(i, j as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_takes_each_place_once_with_some_of_its_rows_together() {
        let places = vec![vec![0, 1, 2, 3, 4], vec![5, 6], vec![7, 8, 9]];
        let order = EpochOrder::of_places(places.clone(), 3, 7);
        assert_eq!(order.epoch_len(), 3 + 2 + 3);
        let epoch = |e: u64| -> Vec<usize> { (8 * e..8 * e + 8).map(|i| order.row(i)).collect() };
        let place = |row: &usize| places.iter().position(|p| p.contains(row)).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for e in 0..20 {
            let rows = epoch(e);
            seen.extend(rows.clone());
            let mut distinct = rows.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), 8, "no row twice: {rows:?}");
            let mut runs: Vec<usize> = rows.iter().map(place).collect();
            runs.dedup();
            assert_eq!(runs.len(), 3, "rows of a place lie together: {rows:?}");
        }
        assert_eq!(seen.len(), 10, "all rows get their turn");
        assert_ne!(epoch(0), epoch(1));
        // Epochs are pure functions of their number, whatever was asked for before.
        let other = EpochOrder::of_places(places, 3, 7);
        let later: Vec<usize> = (16..24).map(|i| other.row(i)).collect();
        assert_eq!(later, epoch(2));
    }
}
