//! A smoothed unigram language model for each cell.

use std::collections::{BTreeMap, BTreeSet};

use geoloc_geo_cells::{Partition, haversine_km};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How counts of words are smoothed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextPriorConfig {
    /// μ of the Dirichlet prior in words: a cell with this many words counts half for itself and
    /// half for the whole collection.
    pub dirichlet: f64,
    /// Number of nearest cells whose models are mixed in; 8 are the ones about a cell of a grid.
    pub neighbours: usize,
    /// Share of the neighbours in the mixture, in [0, 1).
    pub neighbour_share: f64,
}

impl Default for TextPriorConfig {
    /// 100 words; 8 neighbours with a tenth. The paper fits its parameters to its data.
    fn default() -> Self {
        Self {
            dirichlet: 100.0,
            neighbours: 8,
            neighbour_share: 0.1,
        }
    }
}

/// Why a language model could not be fitted.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TextPriorError {
    /// A photo has a cell that the partition has not.
    #[error("photo {photo} is in cell {cell}, the partition has {cells} cells")]
    Cell {
        /// Position of the photo.
        photo: usize,
        /// Its cell.
        cell: usize,
        /// Number of cells.
        cells: usize,
    },
    /// A number of the configuration makes no sense.
    #[error("{field} = {value} is not {expected}")]
    Config {
        /// Which one.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What it should be.
        expected: &'static str,
    },
}

/// The probability of words given the cell, from tagged photos whose cells are known.
///
/// With `n(w, L)` photos of cell `L` that have word `w` and `n(L)` the sum over all words, the
/// model of a cell is `p_D(w | L) = (n(w, L) + μ p(w)) / (n(L) + μ)` with the frequency `p(w)` of
/// the whole collection (Dirichlet smoothing), and the answer a mixture with the mean of its
/// nearest cells, `(1 - s) p_D(w | L) + s mean p_D(w | N)`: *our reading* of the neighbour smoothing
/// of Serdyukov et al. (2009), whose grid has eight neighbours a cell. Words are independent given
/// the cell; words that no training photo has say nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextPrior {
    config: TextPriorConfig,
    /// For each word, the cells that have it and how often; cells rise.
    counts: BTreeMap<String, Vec<(usize, u64)>>,
    /// Words of each cell.
    totals: Vec<u64>,
    /// Nearest cells of each cell.
    neighbours: Vec<Vec<usize>>,
}

impl TextPrior {
    /// Counts words of photos, each word once a photo, given with the cell of the photo in
    /// `partition`.
    ///
    /// # Errors
    ///
    /// [`TextPriorError`] for a cell that is not there, or a number that makes no sense.
    pub fn fit<'a>(
        config: TextPriorConfig,
        partition: &Partition,
        photos: impl IntoIterator<Item = (&'a [String], usize)>,
    ) -> Result<Self, TextPriorError> {
        let check = |ok: bool, field, value, expected| {
            if ok {
                return Ok(());
            }
            Err(TextPriorError::Config {
                field,
                value,
                expected,
            })
        };
        let mu = config.dirichlet;
        check(mu > 0.0 && mu.is_finite(), "dirichlet", mu, "positive")?;
        let share = config.neighbour_share;
        check(
            (0.0..1.0).contains(&share),
            "neighbour_share",
            share,
            "in [0, 1)",
        )?;
        let cells = partition.len();
        let mut totals = vec![0; cells];
        let mut counts: BTreeMap<String, BTreeMap<usize, u64>> = BTreeMap::new();
        for (photo, (words, cell)) in photos.into_iter().enumerate() {
            let Some(total) = totals.get_mut(cell) else {
                return Err(TextPriorError::Cell { photo, cell, cells });
            };
            for word in words.iter().collect::<BTreeSet<_>>() {
                *total += 1;
                *counts
                    .entry(word.clone())
                    .or_default()
                    .entry(cell)
                    .or_default() += 1;
            }
        }
        let sorted = |(word, cells): (String, BTreeMap<usize, u64>)| {
            (word, cells.into_iter().collect::<Vec<_>>())
        };
        Ok(Self {
            config,
            counts: counts.into_iter().map(sorted).collect(),
            totals,
            neighbours: nearest_cells(partition, config.neighbours),
        })
    }

    /// Number of cells.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.totals.len()
    }

    /// Whether any training photo has the word.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.counts.contains_key(word)
    }

    /// `ln p(words | L)` for each cell; a word that comes twice counts once. All 0 if no word is
    /// known.
    #[must_use]
    pub fn log_likelihood(&self, words: &[String]) -> Vec<f64> {
        let mut sums = vec![0.0; self.cells()];
        for word in words.iter().collect::<BTreeSet<_>>() {
            let Some(own) = self.word(word) else { continue };
            for (sum, probability) in sums.iter_mut().zip(self.smoothed(&own)) {
                *sum += probability.ln();
            }
        }
        sums
    }

    /// `p_D(word | L)` for each cell.
    fn word(&self, word: &str) -> Option<Vec<f64>> {
        let counts = self.counts.get(word)?;
        let mu = self.config.dirichlet;
        let all: u64 = self.totals.iter().sum();
        let everywhere: u64 = counts.iter().map(|(_, n)| n).sum();
        let frequency = everywhere as f64 / all as f64;
        let unseen = |&total: &u64| mu * frequency / (total as f64 + mu);
        let mut found: Vec<f64> = self.totals.iter().map(unseen).collect();
        for &(cell, n) in counts {
            if let (Some(p), Some(&total)) = (found.get_mut(cell), self.totals.get(cell)) {
                *p = (n as f64 + mu * frequency) / (total as f64 + mu);
            }
        }
        Some(found)
    }

    /// Mixes each number with the mean of those of the neighbours.
    fn smoothed<'a>(&'a self, own: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let share = self.config.neighbour_share;
        own.iter()
            .zip(&self.neighbours)
            .map(move |(p, neighbours)| {
                if neighbours.is_empty() {
                    return *p;
                }
                let sum: f64 = neighbours.iter().filter_map(|&n| own.get(n)).sum();
                (1.0 - share) * p + share * sum / neighbours.len() as f64
            })
    }
}

/// The `count` cells whose places are nearest to that of each cell, itself left out.
fn nearest_cells(partition: &Partition, count: usize) -> Vec<Vec<usize>> {
    let places = partition.locations();
    let of = |(own, place): (usize, _)| {
        let others = places.iter().enumerate().filter(|(k, _)| *k != own);
        let mut ranked: Vec<(f64, usize)> = others
            .map(|(k, other)| (haversine_km(place, *other), k))
            .collect();
        let by_distance =
            |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if count < ranked.len() {
            ranked.select_nth_unstable_by(count, by_distance);
            ranked.truncate(count);
        }
        ranked.sort_by(by_distance);
        ranked.into_iter().map(|(_, k)| k).collect()
    };
    places.iter().copied().enumerate().map(of).collect()
}
