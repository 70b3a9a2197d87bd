//! All constants of a run in one place.

use serde::{Deserialize, Serialize};

use crate::backbones::SmallCnnConfig;
use crate::datasets::TileJitter;
use crate::geo_cells::{Level, LevelError};
use crate::hybrid::HybridLevels;
use crate::losses::{EdgeLoss, MultiSimilarity, Triangular};
use crate::retrieval::KappaSearch;
use crate::trainer::TrainerConfig;
use crate::world::PairJitter;

/// Where ground photos are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroundConfig {
    /// Share of the parent cells of the training area that have ground photos.
    pub covered: f64,
    /// Number of ground photos.
    pub photos: usize,
    /// Held-out queries lie at least this far from every ground photo, in km.
    pub gap_km: f64,
}

/// The networks and what they are trained with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HybridModelConfig {
    /// Side of a tile in pixels.
    pub pixels: u32,
    /// Channels of each stage of both encoders.
    pub channels: Vec<usize>,
    /// Length of the embedding.
    pub dim: usize,
    /// Factor of the cosine at the start.
    pub scale: f64,
    /// Weights of the edges photo-prototype, photo-tile and tile-prototype.
    pub edges: [f64; 3],
    /// The published multi-similarity loss on every edge instead of `InfoNCE`.
    pub multi_similarity: bool,
    /// Aerial tiles nearer than this are no negatives, in km.
    pub mask_km: f64,
    /// Prototypes nearer than this are no negatives, in widths of a parent cell.
    pub prototype_mask: f64,
    /// Prototypes of other cells within the first distance are positives too, with weight `e^(-d / τ)`:
    /// (reach, τ), in km. None if absent.
    #[serde(default)]
    pub neighbours_km: Option<(f64, f64)>,
    /// Photos of a batch as they are, each with the aerial tile of its cell.
    pub natural: usize,
    /// Photos of a batch turned, mirrored and scaled together with an aerial tile of the same
    /// place; they have no prototype.
    pub changed: usize,
    /// Change of both tiles of those pairs together.
    pub pair_jitter: PairJitter,
    /// Conditions under which a photo was taken: each photo, and each query in covered and uncovered
    /// cells, has its own.
    pub query_jitter: TileJitter,
    /// Change of the aerial tiles.
    pub aerial_jitter: TileJitter,
    /// Share of the photos drawn from other imagery than the relief, so that the query branch reads
    /// satellite pictures too.
    pub other_imagery: f64,
}

/// How the parts are joined and answers refined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionConfig {
    /// Prototypes of cells with n photos are also tried with weight n / (n + `photo_weight`).
    pub photo_weight: f32,
    /// Cosines that cells without a prototype are given, to be tried.
    pub cosines: Vec<f32>,
    /// Multiples of the best κ without such a cosine that each is tried with, before κ is refined.
    pub kappa_factors: Vec<f64>,
    /// Rows that the refined answer is the weighted mean of.
    pub refined: usize,
    /// Temperature of their weights.
    pub temperature: f64,
    /// Of these rows only those within this distance of the first, in cell widths.
    pub refined_widths: f64,
    /// Answers snap to the most similar of the ground photos within this distance, in cell widths.
    pub snap_widths: f64,
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self {
            photo_weight: 10.0,
            cosines: vec![0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65],
            kappa_factors: vec![0.5, 0.7, 1.0, 1.4, 2.0],
            refined: 10,
            temperature: 0.05,
            refined_widths: 2.0,
            snap_widths: 1.0,
        }
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HybridConfig {
    /// Cells that are searched, and cells with prototypes.
    pub levels: HybridLevels,
    /// Ground photos.
    pub ground: GroundConfig,
    /// Networks and losses.
    pub model: HybridModelConfig,
    /// Optimisation.
    pub trainer: TrainerConfig,
    /// Search for κ.
    pub kappa: KappaSearch,
    /// The rest of how the parts are joined.
    #[serde(default)]
    pub fusion: FusionConfig,
    /// Validation queries for κ, half of them in cells without ground photos.
    pub validation: usize,
    /// Queries of each kind.
    pub queries: usize,
    /// Ground photos in the database of image retrieval; at most all.
    pub retrieval_photos: usize,
    /// Steps of the cell classifier that is compared with.
    pub classifier_steps: u64,
    /// Seed of everything random.
    pub seed: u64,
}

impl HybridConfig {
    /// A run of some minutes on two cores.
    ///
    /// # Errors
    ///
    /// Never: the levels are constants.
    pub fn short() -> Result<Self, LevelError> {
        Ok(Self {
            levels: HybridLevels {
                fine: Level::new(7)?,
                parent: Level::new(6)?,
            },
            ground: GroundConfig {
                covered: 0.75,
                photos: 60_000,
                gap_km: 10.0,
            },
            model: HybridModelConfig {
                pixels: 32,
                channels: vec![32, 64, 128],
                dim: 128,
                scale: 14.0,
                edges: [0.25, 1.0, 0.05],
                multi_similarity: false,
                mask_km: 100.0,
                prototype_mask: 1.1,
                neighbours_km: None,
                natural: 64,
                changed: 192,
                pair_jitter: PairJitter::default(),
                query_jitter: TileJitter {
                    rotation_deg: 20.0,
                    brightness: 0.12,
                    contrast: 0.25,
                    saturation: 0.4,
                    gain: 0.12,
                    ..TileJitter::default()
                },
                aerial_jitter: TileJitter::default(),
                other_imagery: 0.05,
            },
            trainer: TrainerConfig {
                steps: 600,
                learning_rate: 3e-3,
                warmup_steps: 30,
                weight_decay: 0.01,
                checkpoint_every: 100,
                ..TrainerConfig::default()
            },
            kappa: KappaSearch::default(),
            fusion: FusionConfig::default(),
            validation: 2000,
            queries: 1000,
            retrieval_photos: 20_000,
            classifier_steps: 300,
            seed: 0,
        })
    }

    /// A run of about half an hour on two cores: more steps and more photos.
    ///
    /// # Errors
    ///
    /// Never: the levels are constants.
    pub fn long() -> Result<Self, LevelError> {
        let mut config = Self::short()?;
        config.ground.photos = 120_000;
        config.trainer.steps = 4800;
        config.trainer.checkpoint_every = 200;
        config.retrieval_photos = 120_000;
        Ok(config)
    }
}

impl HybridModelConfig {
    /// Both encoders.
    #[must_use]
    pub fn encoder(&self) -> SmallCnnConfig {
        SmallCnnConfig {
            input_size: self.pixels as usize,
            channels: self.channels.clone(),
        }
    }

    /// The loss.
    #[must_use]
    pub fn loss(&self) -> Triangular {
        let [ground_prototype, ground_aerial, aerial_prototype] = self.edges;
        let edge = if self.multi_similarity {
            EdgeLoss::MultiSimilarity(MultiSimilarity::default())
        } else {
            EdgeLoss::InfoNce
        };
        Triangular {
            ground_prototype,
            ground_aerial,
            aerial_prototype,
            edge,
        }
    }
}
