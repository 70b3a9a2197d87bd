//! Rows of a feature file for the trainer.

use std::sync::Arc;

use burn::tensor::Device;
use thiserror::Error;

use crate::backbones::feature_file::FeatureFile;
use crate::core::{BatchError, BatchSource, Features, GeoBatch, TargetEncoder};
use crate::epochs::EpochOrder;
use crate::geo_cells::LatLng;

/// Batches of features with targets made from their places. Every epoch takes each row once, in an
/// order that depends on seed and epoch alone; the rest of an epoch that fills no batch goes into the
/// first batch of the next.
#[derive(Debug)]
pub struct FeatureBatches<T> {
    file: Arc<FeatureFile>,
    /// Rows of the file that are used, and their places.
    rows: Vec<(u64, LatLng)>,
    targets: T,
    batch: usize,
    order: EpochOrder,
}

/// Why there are no batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FeatureBatchesError {
    /// Not every row has a place.
    #[error("{places} places for {rows} rows of features")]
    Places {
        /// Number of places.
        places: usize,
        /// Number of rows.
        rows: u64,
    },
    /// There are no rows, or none in a batch.
    #[error("{rows} rows in batches of {batch}")]
    Empty {
        /// Number of rows.
        rows: usize,
        /// Rows of a batch.
        batch: usize,
    },
    /// A row is asked for that is not there.
    #[error("row {row} of {rows}")]
    NoRow {
        /// Row.
        row: u64,
        /// Number of rows.
        rows: u64,
    },
}

impl<T: TargetEncoder> FeatureBatches<T> {
    /// Batches of all rows; place `i` is that of row `i`.
    ///
    /// # Errors
    ///
    /// [`FeatureBatchesError`].
    pub fn new(
        file: Arc<FeatureFile>,
        places: Vec<LatLng>,
        targets: T,
        batch: usize,
        seed: u64,
    ) -> Result<Self, FeatureBatchesError> {
        let rows = file.layout().rows;
        if places.len() as u64 != rows {
            let places = places.len();
            return Err(FeatureBatchesError::Places { places, rows });
        }
        Self::of_rows(file, (0..).zip(places).collect(), targets, batch, seed)
    }

    /// Batches of some rows, each with its place.
    ///
    /// # Errors
    ///
    /// [`FeatureBatchesError`].
    pub fn of_rows(
        file: Arc<FeatureFile>,
        rows: Vec<(u64, LatLng)>,
        targets: T,
        batch: usize,
        seed: u64,
    ) -> Result<Self, FeatureBatchesError> {
        let there = file.layout().rows;
        if rows.is_empty() || batch == 0 {
            let rows = rows.len();
            return Err(FeatureBatchesError::Empty { rows, batch });
        }
        if let Some(&(row, _)) = rows.iter().find(|(row, _)| *row >= there) {
            return Err(FeatureBatchesError::NoRow { row, rows: there });
        }
        Ok(Self {
            file,
            order: EpochOrder::new(rows.len(), seed),
            rows,
            targets,
            batch,
        })
    }
}

impl<T: TargetEncoder> BatchSource for FeatureBatches<T> {
    type Batch = GeoBatch<Features, T::Target>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| BatchError { step, source };
        let first = step * self.batch as u64;
        let draw = |index| {
            let row = self.rows.get(self.order.row(index)).copied();
            row.ok_or_else(|| failed(format!("draw {index} is of no row").into()))
        };
        let drawn = (first..first + self.batch as u64).map(draw);
        let drawn = drawn.collect::<Result<Vec<(u64, LatLng)>, _>>()?;
        let (rows, truth): (Vec<u64>, Vec<LatLng>) = drawn.into_iter().unzip();
        Ok(GeoBatch {
            input: self
                .file
                .features(&rows, device)
                .map_err(|e| failed(e.into()))?,
            target: self
                .targets
                .encode(&truth, device)
                .map_err(|e| failed(e.into()))?,
            truth,
        })
    }
}
