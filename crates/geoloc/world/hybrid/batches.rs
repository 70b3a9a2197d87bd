//! Training batches of the hybrid model: pure functions of the step.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::{Ground, HybridModelConfig};
use crate::core::{BatchError, BatchSource, PairBatch};
use crate::datasets::{EquirectangularRaster, TileJitter, TileSpec, View, render_batch, world};
use crate::geo_cells::LatLng;
use crate::losses::{TriangleRelations, TriangleTargets};
use crate::seed::mix;
use crate::world::pair_jitter::PairChange;
use crate::world::{WorldError, WorldTask};

/// Ground photos with aerial tiles and prototypes.
///
/// Of each batch, the first photos are **natural**: the aerial tile is that of their cell, about its
/// centre, turned and shifted a little. The others are **changed**: photo and tile show the same place
/// and are turned by any angle, mirrored and scaled together. There are only some thousand separate
/// tiles of land on the Earth, and without the second half the encoders learn them by heart.
#[derive(Clone, Debug)]
pub struct HybridBatches {
    /// The benchmark.
    pub task: WorldTask,
    /// The photos.
    pub ground: Arc<Ground>,
    /// Sizes and changes.
    pub config: HybridModelConfig,
    /// Who belongs to whom.
    pub targets: TriangleTargets,
    /// Seed of choices and changes.
    pub seed: u64,
}

/// What each photo of a batch is.
struct Draft {
    /// Where the photo was taken.
    photos: Vec<LatLng>,
    /// Centres of the aerial tiles.
    tiles: Vec<LatLng>,
    /// Prototype of the photo.
    own: Vec<Option<usize>>,
    /// What happens to photo and tile together.
    changes: Vec<Option<PairChange>>,
    /// Number of the first photo in the stream of all batches.
    first: u64,
}

impl HybridBatches {
    fn draft(&self, step: u64) -> Draft {
        let size = (self.config.natural + self.config.changed) as u64;
        let first = step * size;
        let all = self.ground.photos();
        let mut draft = Draft {
            photos: Vec::new(),
            tiles: Vec::new(),
            own: Vec::new(),
            changes: Vec::new(),
            first,
        };
        for i in 0..size {
            let at = (mix(mix(self.seed, 1), first + i) % all.len().max(1) as u64) as usize;
            let Some(&photo) = all.get(at) else { continue };
            let natural = i < self.config.natural as u64;
            draft.photos.push(photo);
            draft.tiles.push(if natural {
                self.ground.cells().cell_about(photo).center()
            } else {
                photo
            });
            let parent = self.ground.photo_parents().get(at).copied();
            draft.own.push(parent.filter(|_| natural));
            let change = self.config.pair_jitter.draw(self.seed, first + i);
            draft.changes.push((!natural).then_some(change));
        }
        draft
    }

    /// One side of a batch as images; picture `i` is cut from `rasters[which(i)]`.
    fn images(
        &self,
        draft: &Draft,
        centers: &[LatLng],
        (jitter, seed): (&TileJitter, u64),
        rasters: &[Arc<EquirectangularRaster>],
        which: impl Fn(u64) -> usize,
        device: &Device,
    ) -> Result<Tensor<4>, WorldError> {
        let pixels = self.task.pixels() as usize;
        let mut groups: Vec<(Vec<usize>, Vec<TileSpec>)> = vec![Default::default(); rasters.len()];
        for (i, (&center, change)) in centers.iter().zip(&draft.changes).enumerate() {
            let number = draft.first + i as u64;
            let spec = TileSpec::new(center, self.task.side_km(), pixels)?;
            let spec = change.map_or(Ok(spec), |c| c.apply(spec))?;
            let spec = jitter.apply(spec, mix(self.seed, seed), number)?;
            if let Some((positions, specs)) = groups.get_mut(which(number)) {
                positions.push(i);
                specs.push(spec);
            }
        }
        let mut tiles = vec![Vec::new(); centers.len()];
        for ((positions, specs), raster) in groups.iter().zip(rasters) {
            for (&i, tile) in positions.iter().zip(render_batch(specs, raster)) {
                let mut rgb = tile.into_rgb();
                if let Some(change) = draft.changes.get(i).copied().flatten() {
                    change.finish(&mut rgb, pixels);
                }
                if let Some(slot) = tiles.get_mut(i) {
                    *slot = rgb;
                }
            }
        }
        self.task.images(&tiles, device)
    }

    /// Which imagery photo `number` comes from: 0 for the relief.
    fn imagery(&self, number: u64) -> usize {
        let bits = mix(mix(self.seed, 4), number);
        let share = (bits >> 11) as f64 / (1u64 << 53) as f64;
        if share < self.config.other_imagery {
            1 + (bits % 3) as usize
        } else {
            0
        }
    }

    fn pairs(
        &self,
        step: u64,
        device: &Device,
    ) -> Result<PairBatch<Tensor<4>, TriangleRelations>, WorldError> {
        let draft = self.draft(step);
        let imagery = [
            View::Query.raster()?,
            View::Aerial.raster()?,
            world::spring()?,
            world::natural_earth()?,
        ];
        let query = self.images(
            &draft,
            &draft.photos,
            (&self.config.query_jitter, 2),
            &imagery,
            |number| self.imagery(number),
            device,
        )?;
        let aerial = self.images(
            &draft,
            &draft.tiles,
            (&self.config.aerial_jitter, 3),
            &imagery[1..2],
            |_| 0,
            device,
        )?;
        let target = self
            .targets
            .relations(&draft.photos, &draft.tiles, &draft.own, device);
        Ok(PairBatch {
            query,
            aerial,
            target,
            truth: draft.photos,
        })
    }
}

impl BatchSource for HybridBatches {
    type Batch = PairBatch<Tensor<4>, TriangleRelations>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        self.pairs(step, device).map_err(|e| BatchError {
            step,
            source: e.into(),
        })
    }
}
