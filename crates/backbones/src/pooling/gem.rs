//! Generalised mean.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use geoloc_core::Features;

use super::{Pooling, tokens_of};

/// Values below this count as this, so that the power and its gradient exist.
const FLOOR: f64 = 1e-6;

/// The generalised mean of each channel over the tokens, `mean(x^p)^(1/p)`, with a learned `p`
/// (Radenović, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", 2018,
/// equation 3). `p` = 1 is the mean, a large `p` the maximum.
#[derive(Module, Debug)]
pub struct Gem {
    /// The exponent, `[1]`.
    pub(super) p: Param<Tensor<1>>,
    #[module(skip)]
    width: usize,
}

impl Gem {
    /// Pools tokens of `width` channels; the exponent starts at `p`.
    #[must_use]
    pub fn new(width: usize, p: f64, device: &Device) -> Self {
        Self {
            p: Param::from_tensor(Tensor::full([1], p, device)),
            width,
        }
    }
}

impl Pooling for Gem {
    fn pool(&self, features: Features) -> Tensor<2> {
        let p = self.p.val();
        // x^p by the logarithm: burn's power of two tensors has no gradient for the exponent at
        // every backend. With the largest token of a channel taken out, no power overflows, and
        // where all tokens are at the floor none vanishes: from p = 8 on, 1e-6^p is 0 in f32.
        let logs = tokens_of(features).clamp_min(FLOOR).log();
        let largest = logs.clone().detach().max_dim(1);
        let powers = ((logs - largest.clone()) * p.clone().reshape([1, 1, 1])).exp();
        let means = powers.mean_dim(1).log() / p.reshape([1, 1, 1]);
        (means + largest).exp().squeeze_dim(1)
    }

    fn width(&self) -> usize {
        self.width
    }
}
