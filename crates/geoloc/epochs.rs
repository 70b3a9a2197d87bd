//! Orders in which a data set is gone through.

use std::sync::{Arc, Mutex, PoisonError};

use crate::seed::mix;

/// Every epoch takes each row once, in an order that depends on seed and epoch alone.
#[derive(Debug)]
pub(crate) struct EpochOrder {
    rows: u64,
    seed: u64,
    /// The order of the last epoch asked for.
    kept: Mutex<Option<(u64, Arc<Vec<usize>>)>>,
}

impl EpochOrder {
    pub(crate) fn new(rows: usize, seed: u64) -> Self {
        Self {
            rows: rows as u64,
            seed,
            kept: Mutex::new(None),
        }
    }

    /// The row of draw number `index`, counted over all epochs; 0 if there are no rows.
    pub(crate) fn row(&self, index: u64) -> usize {
        let (epoch, at) = (index / self.rows.max(1), index % self.rows.max(1));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let order = match &*kept {
            Some((of, order)) if *of == epoch => order.clone(),
            _ => {
                let order = Arc::new(shuffled(self.rows, mix(self.seed, epoch)));
                *kept = Some((epoch, order.clone()));
                order
            }
        };
        order.get(at as usize).copied().unwrap_or(0)
    }
}

/// A permutation by the method of Fisher and Yates.
fn shuffled(count: u64, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count as usize).collect();
    for i in (1..order.len()).rev() {
        let j = mix(seed, i as u64) % (i as u64 + 1);
        order.swap(i, j as usize);
    }
    order
}
