//! Training photos of several kinds: one density for each cluster of them.

use serde::{Deserialize, Serialize};

use super::density::Density;
use crate::core::mix;

/// Clusters at most, and rows for each at least.
const MOST: usize = 4;
const ROWS: usize = 500;
/// Rounds of k-means.
const ROUNDS: usize = 20;

/// The nearest of several densities counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mixture(Vec<Density>);

impl Mixture {
    pub(super) fn dim(&self) -> usize {
        self.0.first().map_or(0, Density::dim)
    }

    pub(super) fn is_sound(&self) -> bool {
        let fits = |d: &Density| d.dim() == self.dim() && d.is_sound();
        !self.0.is_empty() && self.0.iter().all(fits)
    }

    /// The least distance, see [`Density::distance`].
    pub(super) fn distance(&self, row: &[f64]) -> f64 {
        let distances = self.0.iter().map(|d| d.distance(row));
        distances.fold(f64::INFINITY, f64::min)
    }

    /// Clusters rows of one length by k-means over standardised values, and fits each cluster; `None`
    /// without rows or if they are not finite.
    pub(super) fn fit(rows: &[Vec<f64>], seed: u64) -> Option<Self> {
        let count = (rows.len() / ROWS).clamp(1, MOST);
        let standard = standardised(rows);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&i| mix(seed, i as u64));
        let mut centres: Vec<Vec<f64>> = order
            .iter()
            .take(count)
            .filter_map(|&i| standard.get(i).cloned())
            .collect();
        let mut nearest = vec![0; rows.len()];
        for _ in 0..ROUNDS {
            for (slot, row) in nearest.iter_mut().zip(&standard) {
                let squares = centres.iter().map(|c| square(c, row)).enumerate();
                *slot = squares
                    .min_by(|a, b| a.1.total_cmp(&b.1))
                    .map_or(0, |b| b.0);
            }
            for (k, centre) in centres.iter_mut().enumerate() {
                let own = || nearest.iter().zip(&standard).filter(|(n, _)| **n == k);
                let size = own().count().max(1) as f64;
                let mut mean = vec![0.0; centre.len()];
                for (_, row) in own() {
                    mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / size);
                }
                *centre = mean;
            }
        }
        let of_cluster = |k: usize| -> Vec<Vec<f64>> {
            let own = nearest.iter().zip(rows).filter(|(n, _)| **n == k);
            own.map(|(_, row)| row.clone()).collect()
        };
        // Of a cluster with hardly any rows there is no covariance.
        let clusters = (0..count).map(of_cluster);
        let large = clusters.filter(|own| count == 1 || own.len() >= ROWS / 5);
        let found = large.map(|own| Density::fit(&own));
        let found = Self(found.collect::<Option<_>>()?);
        found.is_sound().then_some(found)
    }
}

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum()
}

/// Each column divided by its deviation.
fn standardised(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = rows.len().max(1) as f64;
    let columns = rows.first().map_or(0, Vec::len);
    let column = |k: usize| rows.iter().filter_map(move |row| row.get(k));
    let deviation: Vec<f64> = (0..columns)
        .map(|k| {
            let mean = column(k).sum::<f64>() / n;
            let squares = column(k).map(|v| (v - mean).powi(2));
            (squares.sum::<f64>() / n).sqrt().max(1e-9)
        })
        .collect();
    let divide = |row: &Vec<f64>| row.iter().zip(&deviation).map(|(v, d)| v / d).collect();
    rows.iter().map(divide).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::uniform;

    #[test]
    fn between_two_clouds_is_outside() {
        let cloud = |at: f64, from: u64| -> Vec<Vec<f64>> {
            (from..from + 600)
                .map(|i| vec![at + uniform(mix(i, 1)), at - uniform(mix(i, 2))])
                .collect()
        };
        let rows = [cloud(0.0, 0), cloud(9.0, 600)].concat();
        let mixture = Mixture::fit(&rows, 1).unwrap();
        let worst = rows.iter().map(|r| mixture.distance(r)).fold(0.0, f64::max);
        assert!(mixture.distance(&[4.5, 4.5]) > 3.0 * worst, "{worst}");
        assert!(Mixture::fit(&[], 1).is_none());
    }
}
