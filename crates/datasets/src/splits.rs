//! Training, validation and test parts by stable hash: adding data never moves old items.

use std::collections::BTreeMap;

use geoloc_geo_cells::LatLng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::nearest::NearestPlace;
use crate::stable_hash::{stable_hash, unit};

/// A part of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// To learn from.
    Train,
    /// To choose by.
    Validation,
    /// To report on.
    Test,
    /// Left out, because it lies too close to another part.
    Dropped,
}

/// How large the parts are; what validation and test leave is training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    validation: f64,
    test: f64,
}

/// The shares do not add up.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("validation {validation} and test {test} are not two shares that leave some training data")]
pub struct SharesError {
    /// Share of validation.
    pub validation: f64,
    /// Share of test.
    pub test: f64,
}

impl Default for Shares {
    /// 64 % training, 16 % validation, 20 % test.
    fn default() -> Self {
        Self {
            validation: 0.16,
            test: 0.2,
        }
    }
}

impl Shares {
    /// Checks two shares.
    ///
    /// # Errors
    ///
    /// [`SharesError`] unless both lie in [0, 1) and add up to less than 1.
    pub fn new(validation: f64, test: f64) -> Result<Self, SharesError> {
        let good = validation >= 0.0 && test >= 0.0 && validation + test < 1.0;
        if good {
            Ok(Self { validation, test })
        } else {
            Err(SharesError { validation, test })
        }
    }

    /// The parts with their shares: training, test, validation.
    #[must_use]
    pub fn by_part(self) -> [(Part, f64); 3] {
        [
            (Part::Train, 1.0 - self.validation - self.test),
            (Part::Test, self.test),
            (Part::Validation, self.validation),
        ]
    }

    fn part(self, position: f64) -> Part {
        if position < self.test {
            Part::Test
        } else if position < self.test + self.validation {
            Part::Validation
        } else {
            Part::Train
        }
    }

    /// The part of a key: of an id for a random split, of a user, sequence or city for a split by
    /// group. It depends on the key, the seed and the shares alone, so no item ever moves; the
    /// shares hold on average.
    ///
    /// # Examples
    ///
    /// ```
    /// use geoloc_datasets::{Part, Shares};
    ///
    /// let parts: Vec<Part> = (0..10_000)
    ///     .map(|i| Shares::default().part_of(&format!("photo {i}"), 1))
    ///     .collect();
    /// let test = parts.iter().filter(|p| **p == Part::Test).count();
    /// assert!((1900..2100).contains(&test));
    /// ```
    #[must_use]
    pub fn part_of(self, key: &str, seed: u64) -> Part {
        self.part(unit(stable_hash(key, seed)))
    }
}

/// Splits every stratum (country, cell, scene) in the exact shares, rounded to whole items: the
/// items of a stratum are ranked by the hash of their id and cut.
///
/// Adding an item to a stratum moves at most two others, those at the cuts; ids that are equal get
/// equal ranks in order of appearance. Use [`Shares::part_of`] where nothing may move.
/// Item k of the answer belongs to item k of `items`, an (id, stratum) pair.
#[must_use]
pub fn split_stratified(items: &[(&str, &str)], shares: Shares, seed: u64) -> Vec<Part> {
    let mut strata: BTreeMap<&str, Vec<(u64, usize)>> = BTreeMap::new();
    for (k, (id, stratum)) in items.iter().enumerate() {
        strata
            .entry(stratum)
            .or_default()
            .push((stable_hash(id, seed), k));
    }
    let mut parts = vec![Part::Train; items.len()];
    for mut members in strata.into_values() {
        members.sort_unstable();
        let count = members.len() as f64;
        let test = (shares.test * count).round() as usize;
        let held = ((shares.test + shares.validation) * count).round() as usize;
        for (rank, (_, k)) in members.into_iter().enumerate() {
            if let Some(part) = parts.get_mut(k)
                && rank < held
            {
                *part = if rank < test {
                    Part::Test
                } else {
                    Part::Validation
                };
            }
        }
    }
    parts
}

/// Blocks of the Earth, about `block_deg` degrees high and equally wide on the ground.
fn block_of(place: LatLng, block_deg: f64) -> String {
    let row = ((place.lat() + 90.0) / block_deg).floor();
    let middle = ((row + 0.5) * block_deg - 90.0).clamp(-90.0, 90.0);
    let columns = (360.0 / block_deg * middle.to_radians().cos())
        .round()
        .max(1.0);
    let column = ((place.lng() + 180.0) / 360.0 * columns).floor();
    format!("{block_deg}/{row}/{column}")
}

/// Splits by blocks of the Earth and keeps the parts apart: training items within `buffer_km` of a
/// validation or test item, and validation items within it of a test item, are [`Part::Dropped`].
///
/// Blocks are `block_deg` degrees high and about as wide on the ground; a block's part is that of
/// its hash, so no item moves from part to part; a new test item may drop old training items near
/// it. A block size outside [0.001, 180] is brought to the nearest bound; a buffer that is not
/// positive drops nothing.
#[must_use]
pub fn split_by_block(
    places: &[LatLng],
    block_deg: f64,
    buffer_km: f64,
    shares: Shares,
    seed: u64,
) -> Vec<Part> {
    let block_deg = if block_deg.is_nan() {
        1.0
    } else {
        block_deg.clamp(0.001, 180.0)
    };
    let first: Vec<Part> = places
        .iter()
        .map(|&p| shares.part_of(&block_of(p, block_deg), seed))
        .collect();
    let tree = |keep: &dyn Fn(Part) -> bool| {
        let kept = places.iter().zip(&first).filter(|(_, part)| keep(**part));
        NearestPlace::new(kept.map(|(p, _)| *p))
    };
    let test = tree(&|p| p == Part::Test);
    let held = tree(&|p| p != Part::Train);
    let close = |tree: &NearestPlace, p| tree.distance_km(p).is_some_and(|d| d < buffer_km);
    first
        .iter()
        .zip(places)
        .map(|(&part, &place)| match part {
            Part::Train if close(&held, place) => Part::Dropped,
            Part::Validation if close(&test, place) => Part::Dropped,
            other => other,
        })
        .collect()
}

#[cfg(test)]
#[path = "splits_tests.rs"]
mod tests;
