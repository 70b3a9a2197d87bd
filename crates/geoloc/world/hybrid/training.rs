//! Training of the hybrid model, and of the classifier that it is compared with.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;

use super::{Ground, HybridBatches, HybridConfig};
use crate::backbones::{SmallCnn, SmallCnnConfig};
use crate::core::{Training, TwoBranch};
use crate::datasets::{TileJitter, View};
use crate::geo_cells::{FixedLevelPartition, LatLng, PartitionBuilder};
use crate::heads::cell::{CellDecoder, CellHead, CellHeadConfig};
use crate::heads::embedding::{EmbeddingHead, EmbeddingHeadConfig};
use crate::hybrid::{CellPrototypes, HybridModel, HybridTraining};
use crate::locate::{Pipeline, build_model};
use crate::losses::{CellClasses, CrossEntropy, TriangleTargets};
use crate::trainer::{History, Trainer};
use crate::world::embed::host;
use crate::world::{CellBatches, WorldError, WorldTask, embed_tiles, embed_tiles_all_round};

/// A trained hybrid model.
#[derive(Debug)]
pub struct HybridRun {
    /// The model in inference mode.
    pub model: HybridModel<SmallCnn, EmbeddingHead>,
    /// The learned factor of the cosine.
    pub scale: f64,
    /// The loss curve.
    pub history: History,
    /// The ground photos that it was trained on.
    pub ground: Arc<Ground>,
    task: WorldTask,
    encoder: SmallCnnConfig,
    conditions: TileJitter,
    dim: usize,
    device: Device,
}

/// Photos that go through the network together.
const PHOTOS: usize = 128;

/// Trains both encoders and the prototypes.
///
/// # Errors
///
/// [`WorldError`].
pub fn train_hybrid(
    task: &WorldTask,
    ground: &Arc<Ground>,
    config: &HybridConfig,
    trainer: &Trainer,
    device: &Device,
) -> Result<HybridRun, WorldError> {
    let autodiff = device.clone().autodiff();
    let dim = config.model.dim;
    let head = EmbeddingHeadConfig { dim };
    device.seed(config.seed);
    let branch = || build_model(&config.model.encoder(), &head, &autodiff).map(Module::materialize);
    let branches = TwoBranch::new(branch()?, branch()?, config.model.scale, &autodiff);
    let model = HybridModel::new(branches, ground.covered().len(), dim, &autodiff).materialize();
    let parent_km = config.levels.parent.average_area_km2().sqrt();
    let source = HybridBatches {
        task: task.clone(),
        ground: ground.clone(),
        config: config.model.clone(),
        targets: TriangleTargets {
            prototypes: ground.covered().iter().map(|c| c.0.center()).collect(),
            mask_km: config.model.mask_km,
            prototype_mask_km: config.model.prototype_mask * parent_km,
            neighbours_km: config.model.neighbours_km,
        },
        seed: config.seed,
    };
    let learner = HybridTraining {
        model,
        criterion: config.model.loss(),
    };
    let fitted = trainer.fit(learner, &source, None, &autodiff)?.complete()?;
    let model = fitted.learner.model;
    let scale = host(model.branches.log_scale.val())?;
    let scale = scale.first().map_or(1.0, |&s| f64::from(s).exp());
    Ok(HybridRun {
        scale,
        model,
        history: fitted.history,
        ground: ground.clone(),
        task: task.clone(),
        encoder: config.model.encoder(),
        conditions: config.model.query_jitter,
        dim,
        device: device.clone(),
    })
}

impl HybridRun {
    /// Embeds the tiles of `places` with the branch of `view`: row-major `[places, dim]`.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn embed(&self, view: View, places: &[LatLng]) -> Result<Vec<f32>, WorldError> {
        let branch = match view {
            View::Query => &self.model.branches.query,
            View::Aerial => &self.model.branches.aerial,
        };
        embed_tiles(&self.task, branch, view, places, &self.device)
    }

    /// As [`embed`](Self::embed), in all eight turns and mirror images: `[places, 8 * dim]`, see
    /// [`embed_tiles_all_round`].
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn embed_all_round(&self, view: View, places: &[LatLng]) -> Result<Vec<f32>, WorldError> {
        let branch = match view {
            View::Query => &self.model.branches.query,
            View::Aerial => &self.model.branches.aerial,
        };
        embed_tiles_all_round(&self.task, branch, view, places, &self.device)
    }

    /// Embeds photos of `places` as they were taken: each under conditions of its own, which are
    /// drawn from `seed` and its position.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn embed_photos(&self, places: &[LatLng], seed: u64) -> Result<Vec<f32>, WorldError> {
        let mut rows = Vec::new();
        for (i, chunk) in places.chunks(PHOTOS).enumerate() {
            let first = (i * PHOTOS) as u64;
            let tiles = self.photos(chunk, seed, first)?;
            let images = self.task.images(&tiles, &self.device)?;
            rows.extend(host(self.model.branches.query.forward(images).0)?);
        }
        Ok(rows)
    }

    /// RGB bytes of photos number `first` and on, as they were taken.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn photos(
        &self,
        places: &[LatLng],
        seed: u64,
        first: u64,
    ) -> Result<Vec<Vec<u8>>, WorldError> {
        let jitter = &self.conditions;
        let change = |i: u64, spec| jitter.apply(spec, seed, first + i);
        self.task.changed_tiles(View::Query, places, change)
    }

    /// The trained prototypes as unit vectors.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn prototypes(&self) -> Result<CellPrototypes, WorldError> {
        let (cells, photos) = self.ground.covered().iter().copied().unzip();
        let vectors = host(self.model.unit_prototypes())?;
        Ok(CellPrototypes::new(cells, vectors, photos, self.dim)?)
    }

    /// The architecture of both encoders.
    #[must_use]
    pub fn encoder(&self) -> &SmallCnnConfig {
        &self.encoder
    }

    /// Length of an embedding.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The tiles and splits.
    #[must_use]
    pub fn task(&self) -> &WorldTask {
        &self.task
    }
}

/// Trains a classifier over the parent cells on the same photos, with the same encoder.
///
/// # Errors
///
/// [`WorldError`].
pub(super) fn train_classifier(
    task: &WorldTask,
    ground: &Ground,
    config: &HybridConfig,
    trainer: &Trainer,
    device: &Device,
) -> Result<(Pipeline<SmallCnn, CellHead, CellDecoder>, History), WorldError> {
    let fixed = FixedLevelPartition {
        level: config.levels.parent,
        ..FixedLevelPartition::default()
    };
    let (partition, _) = fixed.build(ground.photos())?;
    let partition = Arc::new(partition);
    let head = CellHeadConfig {
        cells: partition.len(),
        dropout: 0.2,
    };
    let autodiff = device.clone().autodiff();
    device.seed(config.seed);
    let model = build_model(&config.model.encoder(), &head, &autodiff)?.materialize();
    let source = CellBatches {
        task: task.clone(),
        places: Some(ground.photos().into()),
        targets: CellClasses::new(partition.clone()),
        batch: config.model.natural + config.model.changed,
        jitter: config.model.query_jitter,
        seed: config.seed,
    };
    let learner = Training {
        model,
        criterion: CrossEntropy {
            label_smoothing: 0.0,
        },
    };
    let fitted = trainer.fit(learner, &source, None, &autodiff)?.complete()?;
    let decoder = CellDecoder::new(partition, 10);
    let model = fitted.learner.model;
    let locator = Pipeline::new(
        super::methods::CLASSIFIER,
        &model,
        decoder,
        *task.input(),
        device,
    );
    Ok((locator, fitted.history))
}
