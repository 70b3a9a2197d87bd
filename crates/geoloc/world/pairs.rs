//! A two-branch model that matches relief tiles with aerial tiles.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::embed::host;
use super::{PairBatches, PairJitter, WorldError, WorldTask, embed_tiles};
use crate::backbones::{SmallCnn, SmallCnnConfig};
use crate::core::{PairTraining, TwoBranch};
use crate::datasets::{TileJitter, View};
use crate::geo_cells::LatLng;
use crate::heads::embedding::{EmbeddingHead, EmbeddingHeadConfig};
use crate::locate::{GalleryDecoder, Pipeline, RetrievalSettings, build_model, index_embeddings};
use crate::losses::{InfoNce, PairMasks};
use crate::retrieval::VectorIndex;
use crate::trainer::{History, Trainer};

/// The two-branch model of the benchmark.
pub type PairModel = TwoBranch<SmallCnn, EmbeddingHead>;

/// Settings of [`train_pairs`], apart from those of the trainer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairRunConfig {
    /// Encoder of both branches.
    pub encoder: SmallCnnConfig,
    /// Length of the embedding.
    pub dim: usize,
    /// Factor of the cosine at the start.
    pub scale: f64,
    /// Loss.
    pub label_smoothing: f64,
    /// Negatives nearer than this are ignored, in km.
    pub mask_radius_km: f64,
    /// Pairs in a batch.
    pub batch: usize,
    /// Random change of both tiles of a pair together.
    pub pair_jitter: PairJitter,
    /// Random change of the relief tiles.
    pub query_jitter: TileJitter,
    /// Random change of the aerial tiles.
    pub aerial_jitter: TileJitter,
    /// Seed of places, changes and weights.
    pub seed: u64,
}

/// A trained two-branch model.
#[derive(Debug)]
pub struct PairRun {
    /// The model in inference mode.
    pub model: PairModel,
    /// Its settings.
    pub config: PairRunConfig,
    /// The learned factor of the cosine.
    pub scale: f64,
    /// The loss curve.
    pub history: History,
    device: Device,
    task: WorldTask,
}

/// Trains both branches.
///
/// # Errors
///
/// [`WorldError`].
pub fn train_pairs(
    task: &WorldTask,
    config: &PairRunConfig,
    trainer: &Trainer,
    device: &Device,
) -> Result<PairRun, WorldError> {
    let autodiff = device.clone().autodiff();
    let head = EmbeddingHeadConfig { dim: config.dim };
    device.seed(config.seed);
    let branch = || build_model(&config.encoder, &head, &autodiff).map(Module::materialize);
    let model = TwoBranch::new(branch()?, branch()?, config.scale, &autodiff);
    let source = PairBatches {
        task: task.clone(),
        masks: PairMasks {
            radius_km: config.mask_radius_km,
        },
        batch: config.batch,
        pair_jitter: config.pair_jitter,
        query_jitter: config.query_jitter,
        aerial_jitter: config.aerial_jitter,
        seed: config.seed,
    };
    let learner = PairTraining {
        model,
        criterion: InfoNce {
            label_smoothing: config.label_smoothing,
        },
    };
    let fitted = trainer.fit(learner, &source, None, &autodiff)?;
    let model = fitted.learner.model;
    let scale = host(model.log_scale.val())?
        .first()
        .map_or(1.0, |&s| f64::from(s).exp());
    Ok(PairRun {
        model,
        config: config.clone(),
        scale,
        history: fitted.history,
        device: device.clone(),
        task: task.clone(),
    })
}

impl PairRun {
    /// Embeds the tiles of `places` with the branch of `view`: row-major `[places, dim]`.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn embed(&self, view: View, places: &[LatLng]) -> Result<Vec<f32>, WorldError> {
        let branch = match view {
            View::Query => &self.model.query,
            View::Aerial => &self.model.aerial,
        };
        embed_tiles(&self.task, branch, view, places, &self.device)
    }

    /// An exact index over row-major embeddings.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn index(&self, embeddings: &[f32]) -> Result<Arc<dyn VectorIndex>, WorldError> {
        Ok(Arc::new(index_embeddings(embeddings, self.config.dim)?))
    }

    /// Settings for the artifact; `spread_km` is how far queries typically lie from their tile.
    #[must_use]
    pub fn settings(&self, spread_km: f64) -> RetrievalSettings<SmallCnnConfig> {
        RetrievalSettings {
            input: *self.task.input(),
            encoder: self.config.encoder.clone(),
            head: EmbeddingHeadConfig {
                dim: self.config.dim,
            },
            scale: self.scale,
            spread_km,
        }
    }

    /// The query branch with a gallery as a locator.
    #[must_use]
    pub fn locator(
        &self,
        name: &str,
        index: Arc<dyn VectorIndex>,
        places: &[LatLng],
        spread_km: f64,
    ) -> Pipeline<SmallCnn, EmbeddingHead, GalleryDecoder> {
        let decoder = GalleryDecoder::new(index, places.into(), self.scale, spread_km, 100);
        let input = *self.task.input();
        Pipeline::new(name, &self.model.query, decoder, input, &self.device)
    }
}
