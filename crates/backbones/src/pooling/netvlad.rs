//! `NetVLAD`.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::Features;
use serde::{Deserialize, Serialize};

use super::norms::unit;
use super::{Pooling, tokens_of};
use crate::init::small;

/// Configuration of [`NetVlad`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetVladConfig {
    /// Number of clusters.
    pub clusters: usize,
}

/// Sums of residuals to learned centres, softly assigned (Arandjelović et al., "`NetVLAD`", CVPR
/// 2016, equation 4): tokens of length 1, residual sums of length 1 each, and their concatenation
/// of length 1.
#[derive(Module, Debug)]
pub struct NetVlad {
    assignment: Linear,
    /// `[clusters, width]`.
    centroids: Param<Tensor<2>>,
}

impl NetVlad {
    /// Random centres and assignments; better start from clusters of real tokens,
    /// [`from_centroids`](Self::from_centroids).
    #[must_use]
    pub fn new(config: NetVladConfig, width: usize, device: &Device) -> Self {
        Self {
            assignment: LinearConfig::new(width, config.clusters).init(device),
            centroids: small().init([config.clusters, width], device),
        }
    }

    /// Centres `[clusters, width]`, row by row, of tokens of length 1, assigned as by the squared
    /// distance times `alpha` (section 3.1 of the paper).
    ///
    /// Values beyond the last whole row are left out.
    #[must_use]
    pub fn from_centroids(centroids: &[f32], width: usize, alpha: f64, device: &Device) -> Self {
        let rows: Vec<&[f32]> = centroids.chunks_exact(width.max(1)).collect();
        let clusters = rows.len();
        let alpha = alpha as f32;
        // -alpha |x - c|^2 = 2 alpha c.x - alpha |c|^2 and a term that is the same for all.
        let weight: Vec<f32> = (0..width)
            .flat_map(|d| {
                rows.iter()
                    .map(move |row| row.get(d).map_or(0.0, |c| 2.0 * alpha * c))
            })
            .collect();
        let bias: Vec<f32> = rows
            .iter()
            .map(|row| -alpha * row.iter().map(|c| c * c).sum::<f32>())
            .collect();
        let matrix = |values: Vec<f32>, shape: [usize; 2]| {
            Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
        };
        let bias = Tensor::from_data(TensorData::new(bias, [clusters]), device);
        Self {
            assignment: Linear {
                weight: matrix(weight, [width, clusters]),
                bias: Some(Param::from_tensor(bias)),
            },
            centroids: matrix(rows.concat(), [clusters, width]),
        }
    }
}

impl Pooling for NetVlad {
    fn pool(&self, features: Features) -> Tensor<2> {
        let tokens = unit(tokens_of(features));
        // [batch, clusters, tokens]
        let shares = softmax(self.assignment.forward(tokens.clone()), 2).swap_dims(1, 2);
        let weights = shares.clone().sum_dim(2);
        let residuals = shares.matmul(tokens) - weights * self.centroids.val().unsqueeze::<3>();
        unit(unit(residuals).flatten::<2>(1, 2))
    }

    fn width(&self) -> usize {
        self.centroids.dims().iter().product()
    }
}
