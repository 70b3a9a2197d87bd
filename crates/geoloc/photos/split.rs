//! Training, validation and test photos.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::LabelledPhoto;
use crate::datasets::{
    Part, Shares, SharesError, split_by_block, split_stratified, split_stratified_groups,
};
use crate::geo_cells::LatLng;

/// How photos are divided; a pure function of the photos and the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum SplitConfig {
    /// The same shares of every class; photos of one group stay in one part.
    Stratified {
        /// Share of validation.
        #[serde(default = "published_validation")]
        validation: f64,
        /// Share of test.
        #[serde(default = "published_test")]
        test: f64,
        /// Seed.
        #[serde(default)]
        seed: u64,
        /// Whether groups are kept together.
        #[serde(default = "yes")]
        groups: bool,
    },
    /// Blocks of the Earth, with a gap between the parts.
    Blocks {
        /// Height of a block in degrees.
        block_deg: f64,
        /// Least distance between photos of different parts, in km; those that are nearer are
        /// dropped.
        buffer_km: f64,
        /// Share of validation.
        #[serde(default = "published_validation")]
        validation: f64,
        /// Share of test.
        #[serde(default = "published_test")]
        test: f64,
        /// Seed.
        #[serde(default)]
        seed: u64,
    },
    /// A column of the list says `train`, `validation` or `test`.
    Column {
        /// Its name.
        column: String,
    },
}

fn published_validation() -> f64 {
    0.16
}

fn published_test() -> f64 {
    0.2
}

fn yes() -> bool {
    true
}

impl Default for SplitConfig {
    /// 64, 16 and 20 % of every class, as in the published comparison.
    fn default() -> Self {
        Self::Stratified {
            validation: published_validation(),
            test: published_test(),
            seed: 0,
            groups: true,
        }
    }
}

/// Why photos cannot be divided.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The shares are out of range.
    #[error(transparent)]
    Shares(#[from] SharesError),
    /// A photo says nothing.
    #[error(
        "{id}: the column `{column}` is missing or empty; it must say train, validation or test"
    )]
    NoPart {
        /// The photo.
        id: String,
        /// The column.
        column: String,
    },
    /// A photo does not say which part it belongs to.
    #[error("{id}: the column `{column}` says {value:?}, not train, validation or test")]
    Part {
        /// The photo.
        id: String,
        /// The column.
        column: String,
        /// What it says.
        value: String,
    },
}

impl SplitConfig {
    /// The part of each photo.
    ///
    /// # Errors
    ///
    /// [`SplitError`].
    pub fn split(&self, photos: &[LabelledPhoto]) -> Result<Vec<Part>, SplitError> {
        match self {
            Self::Stratified {
                validation,
                test,
                seed,
                groups,
            } => {
                let shares = Shares::new(*validation, *test)?;
                // No class has an empty name: photos without one are a stratum of their own.
                let strata: Vec<&str> = photos
                    .iter()
                    .map(|p| p.class.as_deref().unwrap_or(""))
                    .collect();
                let grouped = *groups && photos.iter().any(|p| p.group.is_some());
                let key = |p: &'_ LabelledPhoto| match &p.group {
                    Some(group) if grouped => format!("group {group}"),
                    _ => p.sample.id.clone(),
                };
                let keys: Vec<String> = photos.iter().map(key).collect();
                let items: Vec<(&str, &str)> = keys
                    .iter()
                    .zip(&strata)
                    .map(|(key, &stratum)| (key.as_str(), stratum))
                    .collect();
                Ok(if grouped {
                    split_stratified_groups(&items, shares, *seed)
                } else {
                    split_stratified(&items, shares, *seed)
                })
            }
            Self::Blocks {
                block_deg,
                buffer_km,
                validation,
                test,
                seed,
            } => {
                let places: Vec<LatLng> = photos.iter().map(|p| p.sample.location).collect();
                let shares = Shares::new(*validation, *test)?;
                Ok(split_by_block(
                    &places, *block_deg, *buffer_km, shares, *seed,
                ))
            }
            Self::Column { column } => photos.iter().map(|p| named(p, column)).collect(),
        }
    }
}

fn named(photo: &LabelledPhoto, column: &str) -> Result<Part, SplitError> {
    let Some(value) = photo.sample.tag(column) else {
        return Err(SplitError::NoPart {
            id: photo.sample.id.clone(),
            column: column.to_owned(),
        });
    };
    match value.to_lowercase().as_str() {
        "train" | "training" => Ok(Part::Train),
        "val" | "valid" | "validation" => Ok(Part::Validation),
        "test" => Ok(Part::Test),
        _ => Err(SplitError::Part {
            id: photo.sample.id.clone(),
            column: column.to_owned(),
            value: value.to_owned(),
        }),
    }
}
