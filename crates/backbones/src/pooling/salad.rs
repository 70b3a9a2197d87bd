//! Optimal transport of tokens to clusters.

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use geoloc_core::Features;
use serde::{Deserialize, Serialize};

use super::norms::{log_sum_exp, unit};
use super::{Pooling, tokens_of};

/// Configuration of [`Salad`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaladConfig {
    /// Number of clusters; fewer than there are tokens.
    pub clusters: usize,
    /// Length of the vector of each cluster.
    pub cluster_width: usize,
    /// Length of the vector of the whole image.
    pub global_width: usize,
    /// Width between the two layers of each small network.
    pub hidden: usize,
    /// Share of hidden values that are dropped in training.
    pub dropout: f64,
    /// Rounds of normalisation.
    pub iterations: usize,
}

impl Default for SaladConfig {
    /// 8,448 numbers, as published.
    fn default() -> Self {
        Self {
            clusters: 64,
            cluster_width: 128,
            global_width: 256,
            hidden: 512,
            dropout: 0.3,
            iterations: 3,
        }
    }
}

/// Tokens are shared out among clusters and a dustbin by optimal transport, and what a cluster gets
/// is summed (Izquierdo and Civera, "Optimal Transport Aggregation for Visual Place Recognition",
/// CVPR 2024, section 3): each token gives away a mass of 1, each cluster takes 1 and the dustbin the
/// rest. The plan comes from a few rounds of Sinkhorn's normalisation in logarithms, ending with the
/// clusters. The pooled features pass through a network of their own; every part has length 1, and
/// so has the whole.
///
/// Written from the published description; rows first in each round, and at least a mass of 1 for the
/// dustbin, are choices of our own.
#[derive(Module, Debug)]
pub struct Salad {
    token_features: TwoLayers,
    cluster_features: TwoLayers,
    score: TwoLayers,
    /// Score of the dustbin for every token, `[1]`.
    dust_bin: Param<Tensor<1>>,
    #[module(skip)]
    iterations: usize,
    #[module(skip)]
    width: usize,
}

#[derive(Module, Debug)]
struct TwoLayers {
    first: Linear,
    dropout: Dropout,
    second: Linear,
}

impl TwoLayers {
    fn new([input, hidden, output]: [usize; 3], dropout: f64, device: &Device) -> Self {
        Self {
            first: LinearConfig::new(input, hidden).init(device),
            dropout: DropoutConfig::new(dropout).init(),
            second: LinearConfig::new(hidden, output).init(device),
        }
    }

    fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let x = self.dropout.forward(self.first.forward(x));
        self.second.forward(relu(x))
    }
}

impl Salad {
    /// Pools tokens of `width` channels.
    #[must_use]
    pub fn new(config: SaladConfig, width: usize, device: &Device) -> Self {
        let layers =
            |output, dropout| TwoLayers::new([width, config.hidden, output], dropout, device);
        Self {
            token_features: layers(config.global_width, 0.0),
            cluster_features: layers(config.cluster_width, config.dropout),
            score: layers(config.clusters, config.dropout),
            dust_bin: Param::from_tensor(Tensor::ones([1], device)),
            iterations: config.iterations,
            width: config.clusters * config.cluster_width + config.global_width,
        }
    }
}

#[cfg(test)]
impl Salad {
    /// Layers of the networks of the whole image, of the clusters and of the scores.
    pub(super) fn layers(&self) -> [[&Linear; 2]; 3] {
        [&self.token_features, &self.cluster_features, &self.score].map(|n| [&n.first, &n.second])
    }
}

impl Pooling for Salad {
    fn pool(&self, features: Features) -> Tensor<2> {
        let whole = unit(self.token_features.forward(features.pooled.clone()));
        let tokens = tokens_of(features);
        let scores = self.score.forward(tokens.clone());
        let plan = transport(scores, self.dust_bin.val(), self.iterations);
        let sums = plan
            .swap_dims(1, 2)
            .matmul(self.cluster_features.forward(tokens));
        let clusters = unit(sums).flatten::<2>(1, 2);
        unit(Tensor::cat(vec![clusters, whole], 1))
    }

    fn width(&self) -> usize {
        self.width
    }
}

/// How much of each token each cluster takes, `[batch, tokens, clusters]`, from scores of that
/// shape.
pub(super) fn transport(scores: Tensor<3>, dust_bin: Tensor<1>, iterations: usize) -> Tensor<3> {
    let [batch, tokens, clusters] = scores.dims();
    let device = scores.device();
    let dust = dust_bin.reshape([1, 1, 1]).expand([batch, tokens, 1]);
    let scores = Tensor::cat(vec![scores, dust], 2);
    // Logarithms of what each column takes; a row gives exp(0) = 1.
    let rest = tokens.saturating_sub(clusters).max(1) as f64;
    let columns = Tensor::cat(
        vec![
            Tensor::zeros([1, 1, clusters], &device),
            Tensor::full([1, 1, 1], rest.ln(), &device),
        ],
        2,
    );
    let mut plan = scores;
    for _ in 0..iterations {
        plan = plan.clone() - log_sum_exp(plan, 2);
        plan = plan.clone() - log_sum_exp(plan, 1) + columns.clone();
    }
    plan.narrow(2, 0, clusters).exp()
}
