//! Settings of a comparison.

use serde::{Deserialize, Serialize};

use crate::backbones::SmallCnnConfig;
use crate::trainer::TrainerConfig;
use crate::world::WorldError;

/// Settings of [`compare`](super::compare): the same for every approach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareConfig {
    /// Training steps of each approach.
    pub steps: u64,
    /// Tiles in each of them.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Side of a tile in pixels.
    pub pixels: u32,
    /// Channels of each stage of the encoder.
    pub channels: Vec<usize>,
    /// Dropout before the layer of classes.
    pub dropout: f64,
    /// Training places that partitions are made from.
    pub places: u64,
    /// Training tiles that neighbours are sought among, and places that encoded places are.
    pub gallery: usize,
    /// A cell of the plain partition is divided above this share of the places.
    pub cell_share: f64,
    /// The same for the fine partition.
    pub fine_share: f64,
    /// The same for the cells that geoclass sets are merged from.
    pub base_share: f64,
    /// Distance of the held-out tiles of the seen area, in km: fewer km, more queries, and less
    /// ground to train on.
    pub seen_spacing_km: f64,
    /// Held-out tiles of the seen area at places drawn as those of the training tiles are, which lie
    /// about them at any distance.
    pub random: usize,
    /// Held-out tiles of unseen longitudes.
    pub unseen: usize,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for CompareConfig {
    /// A run of about a quarter of an hour on two cores.
    fn default() -> Self {
        Self {
            steps: 300,
            batch: 128,
            learning_rate: 2e-3,
            pixels: 32,
            channels: vec![32, 64, 128],
            dropout: 0.2,
            places: 20_000,
            gallery: 4000,
            cell_share: 0.01,
            fine_share: 0.0025,
            base_share: 0.001,
            seen_spacing_km: 450.0,
            random: 1000,
            unseen: 400,
            seed: 0,
        }
    }
}

impl CompareConfig {
    /// The encoder of every approach.
    #[must_use]
    pub fn encoder(&self) -> SmallCnnConfig {
        SmallCnnConfig {
            input_size: self.pixels as usize,
            channels: self.channels.clone(),
        }
    }

    /// Optimisation of every approach.
    #[must_use]
    pub fn trainer(&self) -> TrainerConfig {
        TrainerConfig {
            steps: self.steps,
            learning_rate: self.learning_rate,
            warmup_steps: 30.min(self.steps / 4),
            weight_decay: 0.01,
            seed: self.seed,
            checkpoint_every: 50,
            ..TrainerConfig::default()
        }
    }

    /// What training depends on, without what is asked of a trained model.
    pub(super) fn run(&self) -> Result<String, WorldError> {
        let trained = Self {
            random: 0,
            unseen: 0,
            ..self.clone()
        };
        serde_json::to_string(&trained).map_err(WorldError::Settings)
    }

    /// Places above which a cell is divided.
    pub(super) fn threshold(&self, share: f64) -> u64 {
        ((share * self.places as f64).round() as u64).max(1)
    }
}
