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
    p: Param<Tensor<1>>,
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
        // every backend.
        let logs = tokens_of(features).clamp_min(FLOOR).log();
        let powers = (logs * p.clone().reshape([1, 1, 1])).exp();
        let means: Tensor<2> = powers.mean_dim(1).squeeze_dim(1);
        (means.log() / p.reshape([1, 1])).exp()
    }

    fn width(&self) -> usize {
        self.width
    }
}
