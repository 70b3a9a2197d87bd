//! A cell classifier on relief tiles.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{CellBatches, WorldError, WorldTask};
use crate::backbones::{SmallCnn, SmallCnnConfig};
use crate::core::{GeoModel, Training};
use crate::datasets::TileJitter;
use crate::geo_cells::{AdaptivePartition, LatLng, Partition, PartitionBuilder, PartitionReport};
use crate::heads::cell::{CellDecoder, CellHead, CellHeadConfig};
use crate::locate::{CellClassifierSettings, Pipeline, build_model};
use crate::losses::{CellClasses, CrossEntropy};
use crate::trainer::{History, Trainer};

/// Settings of [`train_cells`], apart from those of the trainer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellRunConfig {
    /// Training places that the partition is made from.
    pub partition_places: u64,
    /// How they are divided into cells.
    pub partition: AdaptivePartition,
    /// Encoder.
    pub encoder: SmallCnnConfig,
    /// Dropout before the linear layer.
    pub dropout: f64,
    /// Label smoothing.
    pub label_smoothing: f32,
    /// Tiles in a batch.
    pub batch: usize,
    /// Random change of the tiles.
    pub jitter: TileJitter,
    /// Seed of places, changes and weights.
    pub seed: u64,
}

/// A trained cell classifier.
#[derive(Debug)]
pub struct CellRun {
    /// The cells.
    pub partition: Arc<Partition>,
    /// How they came about.
    pub partition_report: PartitionReport,
    /// The places that the partition was made from.
    pub places: Vec<LatLng>,
    /// The model in inference mode.
    pub model: GeoModel<SmallCnn, CellHead>,
    /// Settings for the artifact.
    pub settings: CellClassifierSettings<SmallCnnConfig>,
    /// The loss curve.
    pub history: History,
}

impl CellRun {
    /// The model as a locator that keeps `keep` candidates.
    #[must_use]
    pub fn locator(
        &self,
        name: &str,
        keep: usize,
        device: &Device,
    ) -> Pipeline<SmallCnn, CellHead, CellDecoder> {
        let decoder = CellDecoder::new(self.partition.clone(), keep);
        Pipeline::new(name, &self.model, decoder, self.settings.input, device)
    }
}

/// Divides the training area into cells and trains a classifier of relief tiles over them.
///
/// # Errors
///
/// [`WorldError`].
pub fn train_cells(
    task: &WorldTask,
    config: &CellRunConfig,
    trainer: &Trainer,
    device: &Device,
) -> Result<CellRun, WorldError> {
    let places: Vec<LatLng> = (0..config.partition_places)
        .map(|i| task.split().sample_train(config.seed, i))
        .collect();
    let (partition, partition_report) = config.partition.build(&places)?;
    let partition = Arc::new(partition);
    let head = CellHeadConfig {
        cells: partition.len(),
        dropout: config.dropout,
    };
    let autodiff = device.clone().autodiff();
    device.seed(config.seed);
    let model = build_model(&config.encoder, &head, &autodiff)?.materialize();
    let source = CellBatches {
        task: task.clone(),
        places: None,
        targets: CellClasses::new(partition.clone()),
        batch: config.batch,
        jitter: config.jitter,
        seed: config.seed,
    };
    let learner = Training {
        model,
        criterion: CrossEntropy {
            label_smoothing: config.label_smoothing,
        },
    };
    let fitted = trainer.fit(learner, &source, None, &autodiff)?;
    let settings = CellClassifierSettings {
        input: *task.input(),
        encoder: config.encoder.clone(),
        head,
        temperature: 1.0,
        partition_hash: partition.content_hash(),
    };
    Ok(CellRun {
        partition,
        partition_report,
        places,
        model: fitted.learner.model,
        settings,
        history: fitted.history,
    })
}
