//! Training batches that are pure functions of the step.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use thiserror::Error;

use super::{PairJitter, WorldError, WorldTask};
use crate::core::{BatchError, BatchSource, GeoBatch, PairBatch, TargetEncoder};
use crate::datasets::{TileJitter, View};
use crate::geo_cells::LatLng;
use crate::losses::{PairMask, PairMasks};
use crate::seed::mix;

/// Relief tiles with targets made from their places.
#[derive(Clone, Debug)]
pub struct CellBatches<T> {
    /// The benchmark.
    pub task: WorldTask,
    /// Places to draw from; `None` for all of the training area.
    pub places: Option<Arc<[LatLng]>>,
    /// Makes the targets.
    pub targets: T,
    /// Tiles in a batch.
    pub batch: usize,
    /// Random change of the tiles.
    pub jitter: TileJitter,
    /// Seed of places and changes.
    pub seed: u64,
}

/// No training place with a target was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{attempts} training places in a row have no target: does the partition cover any land?")]
pub struct NoPlaceInPartition {
    /// How many were tried.
    pub attempts: u64,
}

impl<T: TargetEncoder> CellBatches<T> {
    /// Training place number `index` that has a target: places without one are passed over.
    fn place(&self, index: u64, device: &Device) -> Result<LatLng, NoPlaceInPartition> {
        const ATTEMPTS: u64 = 1000;
        let seed = mix(self.seed, index);
        let draw = |attempt| match self.places.as_deref() {
            Some(places) if !places.is_empty() => {
                let at = mix(seed, attempt) % places.len() as u64;
                places.get(at as usize).copied()
            }
            _ => Some(self.task.split().sample_train(seed, attempt)),
        };
        (0..ATTEMPTS)
            .filter_map(draw)
            .find(|&place| self.targets.encode(&[place], device).is_ok())
            .ok_or(NoPlaceInPartition { attempts: ATTEMPTS })
    }
}

impl<T: TargetEncoder> BatchSource for CellBatches<T> {
    type Batch = GeoBatch<Tensor<4>, T::Target>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| BatchError { step, source };
        let first = step * self.batch as u64;
        let truth = (0..self.batch as u64)
            .map(|i| self.place(first + i, device))
            .collect::<Result<Vec<LatLng>, _>>()
            .map_err(|e| failed(e.into()))?;
        let tiles = self
            .task
            .changed_tiles(View::Query, &truth, |i, spec| {
                self.jitter.apply(spec, self.seed, first + i)
            })
            .map_err(|e| failed(e.into()))?;
        let target = self
            .targets
            .encode_seeded(&truth, mix(self.seed, step), device)
            .map_err(|e| failed(e.into()))?;
        Ok(GeoBatch {
            input: self
                .task
                .images(&tiles, device)
                .map_err(|e| failed(e.into()))?,
            target,
            truth,
        })
    }
}

/// Relief tiles with the aerial tiles of the same places, changed
/// together and each for itself.
#[derive(Clone, Debug)]
pub struct PairBatches {
    /// The benchmark.
    pub task: WorldTask,
    /// Negatives nearer than this are ignored.
    pub masks: PairMasks,
    /// Pairs in a batch.
    pub batch: usize,
    /// Random change of both tiles of a pair together.
    pub pair_jitter: PairJitter,
    /// Random change of the relief tiles.
    pub query_jitter: TileJitter,
    /// Random change of the aerial tiles.
    pub aerial_jitter: TileJitter,
    /// Seed of places and changes.
    pub seed: u64,
}

impl PairBatches {
    fn pairs(
        &self,
        step: u64,
        device: &Device,
    ) -> Result<PairBatch<Tensor<4>, PairMask>, WorldError> {
        let first = step * self.batch as u64;
        let truth: Vec<LatLng> = (0..self.batch as u64)
            .map(|i| self.task.split().sample_train(self.seed, first + i))
            .collect();
        let together = |i| self.pair_jitter.draw(self.seed, first + i);
        let images = |view, jitter: &TileJitter, seed| {
            let mut tiles = self.task.changed_tiles(view, &truth, |i, spec| {
                jitter.apply(together(i).apply(spec)?, seed, first + i)
            })?;
            for (tile, i) in tiles.iter_mut().zip(0u64..) {
                together(i).finish(tile, self.task.pixels() as usize);
            }
            self.task.images(&tiles, device)
        };
        let query = images(View::Query, &self.query_jitter, mix(self.seed, 1))?;
        let aerial = images(View::Aerial, &self.aerial_jitter, mix(self.seed, 2))?;
        let target = self.masks.mask(&truth, device);
        Ok(PairBatch {
            query,
            aerial,
            target,
            truth,
        })
    }
}

impl BatchSource for PairBatches {
    type Batch = PairBatch<Tensor<4>, PairMask>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        self.pairs(step, device).map_err(|e| BatchError {
            step,
            source: e.into(),
        })
    }
}
