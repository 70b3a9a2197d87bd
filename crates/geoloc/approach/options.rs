//! Settings of each approach, apart from what the ground decides.

use serde::{Deserialize, Serialize};

use crate::backbones::geoclip::LocationEncoderConfig;
use crate::heads::combinatorial::TupleScore;
use crate::heads::flow::FlowHeadConfig;
use crate::heads::mixture::{MixtureDecoder, MixtureHeadConfig};
use crate::losses::Discrepancy;

/// Loss of a classifier over cells.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum CellLoss {
    /// One right cell (`PlaNet`).
    CrossEntropy {
        /// Probability mass spread evenly over all cells, in [0, 1).
        #[serde(default)]
        label_smoothing: f32,
    },
    /// Cells near the photo count as partly right (PIGEON), with targets that sum to 1.
    Smoothed {
        /// Length of the smoothing in km.
        tau_km: f64,
    },
    /// Rare classes count more (Cui et al. 2019), easy photos less (Lin et al. 2017).
    Balanced {
        /// β of the effective number of photos, in [0, 1]: 0 is no balance.
        beta: f64,
        /// γ of the focal factor: 0 is none.
        #[serde(default)]
        focus: f64,
    },
}

impl Default for CellLoss {
    fn default() -> Self {
        Self::CrossEntropy {
            label_smoothing: 0.0,
        }
    }
}

/// Softmax over the cells of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassifierOptions {
    /// Dropout of features, in [0, 1).
    pub dropout: f64,
    /// The loss.
    pub loss: CellLoss,
}

/// Softmax over cosines to a prototype of each cell, with a margin (`CosFace`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CosineOptions {
    /// Factor of the cosine.
    pub scale: f64,
    /// Margin at the right class, 0 for none.
    pub margin: f64,
}

impl Default for CosineOptions {
    fn default() -> Self {
        Self {
            scale: 30.0,
            margin: 0.4,
        }
    }
}

/// Softmax over labelled classes; the place of a class is the mean of its photos.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassesOptions {
    /// Dropout of features, in [0, 1); 0.5 in the published comparison.
    pub dropout: f64,
    /// Probability mass spread evenly over all classes, in [0, 1).
    pub label_smoothing: f32,
}

impl Default for ClassesOptions {
    fn default() -> Self {
        Self {
            dropout: 0.5,
            label_smoothing: 0.0,
        }
    }
}

/// Latitude and longitude scaled to (0, 1), with the haversine loss, as in the published comparison.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScaledRegressionOptions {
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Dropout of features.
    pub dropout: f64,
    /// Dropout of the hidden layer.
    pub hidden_dropout: f64,
    /// Whether a sigmoid keeps the output within (0, 1); published is none.
    pub sigmoid: bool,
    /// Radius of the answers in km; training measures it on the validation photos.
    #[serde(skip_serializing_if = "is_zero")]
    pub spread_km: f64,
}

impl Default for ScaledRegressionOptions {
    fn default() -> Self {
        Self {
            hidden: 512,
            dropout: 0.5,
            hidden_dropout: 0.3,
            sigmoid: false,
            spread_km: 0.0,
        }
    }
}

/// A unit vector: regression without a seam.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnitRegressionOptions {
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Dropout of features.
    pub dropout: f64,
    /// Dropout of the hidden layer.
    pub hidden_dropout: f64,
    /// Whether the loss is the angle, not half the squared chord.
    pub angle: bool,
    /// Radius of the answers in km; training measures it on the validation photos.
    #[serde(skip_serializing_if = "is_zero")]
    pub spread_km: f64,
}

impl Default for UnitRegressionOptions {
    fn default() -> Self {
        Self {
            hidden: 512,
            dropout: 0.5,
            hidden_dropout: 0.3,
            angle: false,
            spread_km: 0.0,
        }
    }
}

impl UnitRegressionOptions {
    pub(super) fn discrepancy(&self) -> Discrepancy {
        if self.angle {
            Discrepancy::Angle
        } else {
            Discrepancy::HalfSquaredChord
        }
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
pub(super) fn is_one(x: &f64) -> bool {
    x.total_cmp(&1.0).is_eq()
}

/// Softmax over each of several nested partitions, decided by the product along ancestors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HierarchicalOptions {
    /// Dropout of features.
    pub dropout: f64,
    /// Weight of the loss of each level, coarsest first; those that are missing are 1.
    pub weights: Vec<f64>,
    /// Exponent of each level in the product, coarsest first; those that are missing are 1.
    pub exponents: Vec<f64>,
}

/// How the probabilities of a class set enter the vote, see [`TupleScore`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// As they are.
    #[default]
    SimpleSum,
    /// Divided by their sum over fine cells.
    NormSum,
    /// Divided by their largest.
    NormMax,
}

impl From<Vote> for TupleScore {
    fn from(vote: Vote) -> Self {
        match vote {
            Vote::SimpleSum => Self::SimpleSum,
            Vote::NormSum => Self::NormSum,
            Vote::NormMax => Self::NormMax,
        }
    }
}

/// Softmax over each of several class sets, which vote for fine cells (`CPlaNet`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CombinatorialOptions {
    /// Dropout of features.
    pub dropout: f64,
    /// How a set votes.
    pub vote: Vote,
    /// Weight of each set, in the loss and in the vote; those that are missing are 1.
    pub weights: Vec<f64>,
}

/// Cells with a bounded offset in each (OSV-5M).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HybridOptions {
    /// Dropout of features.
    pub dropout: f64,
    /// Whether all cells share one offset.
    pub shared: bool,
    /// Least reach of an offset in km.
    pub min_reach_km: f64,
    /// Weight of the offset in the loss.
    pub offset_weight: f64,
    /// Share of a cell's spread that is left about a place moved by its offset; training measures it
    /// on the validation photos.
    #[serde(skip_serializing_if = "is_one")]
    pub residual: f64,
}

impl Default for HybridOptions {
    fn default() -> Self {
        Self {
            dropout: 0.0,
            shared: false,
            min_reach_km: 1.0,
            offset_weight: 1.0,
            residual: 1.0,
        }
    }
}

/// A mixture of von Mises-Fisher densities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MixtureOptions {
    /// Number of components.
    pub components: usize,
    /// Smallest concentration.
    pub min_kappa: f64,
    /// Largest concentration.
    pub max_kappa: f64,
    /// Components much nearer to each other than this count as one mode, in km.
    pub bandwidth_km: f64,
}

impl Default for MixtureOptions {
    fn default() -> Self {
        let head = MixtureHeadConfig::default();
        Self {
            components: head.components,
            min_kappa: head.min_kappa,
            max_kappa: head.max_kappa,
            bandwidth_km: MixtureDecoder::default().bandwidth_km,
        }
    }
}

/// Flow matching on the sphere (PLONK).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowOptions {
    /// The network.
    pub head: FlowHeadConfig,
    /// Share of photos whose features are dropped, which guidance needs.
    pub drop: f64,
    /// Euler steps of an answer.
    pub steps: usize,
    /// Strength of the guidance.
    pub guidance: f64,
    /// Places drawn for an answer.
    pub samples: usize,
    /// Width of the kernel that finds where they are densest, in km.
    pub bandwidth_km: f64,
}

impl Default for FlowOptions {
    fn default() -> Self {
        Self {
            head: FlowHeadConfig::default(),
            drop: 0.1,
            steps: 250,
            guidance: 2.0,
            samples: 32,
            bandwidth_km: 100.0,
        }
    }
}

/// One classifier for each kind of scene (ISN).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SceneExpertsOptions {
    /// Names of the scenes, as the photos are labelled.
    pub scenes: Vec<String>,
    /// Dropout of features.
    pub dropout: f64,
    /// Weight of the scene in the loss.
    pub scene_weight: f64,
}

impl Default for SceneExpertsOptions {
    fn default() -> Self {
        Self {
            scenes: ["indoor", "natural", "urban"].map(str::to_owned).into(),
            dropout: 0.0,
            scene_weight: 1.0,
        }
    }
}

/// Images and places in one space (`GeoCLIP`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeoclipOptions {
    /// The encoder of places.
    pub location: LocationEncoderConfig,
    /// Further training places that each batch is compared with.
    pub queue: usize,
    /// Wrong places nearer than this are left out, in km; 0 for none, as published.
    pub mask_km: f64,
    /// Places of the gallery at most; training places are thinned evenly to so many.
    pub gallery: usize,
}

impl Default for GeoclipOptions {
    fn default() -> Self {
        Self {
            location: LocationEncoderConfig::default(),
            queue: 4096,
            mask_km: 0.0,
            gallery: 100_000,
        }
    }
}

/// Nearest training photos by a trained embedding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetrievalOptions {
    /// Length of the embedding.
    pub dim: usize,
    /// Photos nearer than this show the same place, in km.
    pub positive_km: f64,
    /// Photos farther than this show different places, in km.
    pub negative_km: f64,
    /// Factor of the cosine before the softmax over neighbours.
    pub scale: f64,
}

impl Default for RetrievalOptions {
    fn default() -> Self {
        Self {
            dim: 256,
            positive_km: 0.010,
            negative_km: 0.025,
            scale: 30.0,
        }
    }
}
