//! The mixture head.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::{log_softmax, sigmoid};
use geoloc_core::{Features, Head, SphericalMixture};

use crate::unit::unit;

/// One linear layer each to mean directions, weights and concentrations.
///
/// `ln κ` moves between its bounds by a sigmoid, so that its gradient never vanishes at once; an
/// output of 0 is the geometric mean of the bounds.
#[derive(Module, Debug)]
pub struct MixtureHead {
    pub(super) means: Linear,
    pub(super) weights: Linear,
    pub(super) kappas: Linear,
    #[module(skip)]
    pub(super) log_min_kappa: f64,
    #[module(skip)]
    pub(super) log_max_kappa: f64,
}

impl Head for MixtureHead {
    type Output = SphericalMixture;

    /// # Shapes
    ///
    /// Features `[batch, width]` to weights and concentrations `[batch, components]` and means
    /// `[batch, components, 3]`.
    fn forward(&self, features: Features) -> SphericalMixture {
        let x = features.pooled;
        let log_weights = log_softmax(self.weights.forward(x.clone()), 1);
        let [batch, components] = log_weights.dims();
        let means = self
            .means
            .forward(x.clone())
            .reshape([batch, components, 3]);
        let range = self.log_max_kappa - self.log_min_kappa;
        let log_kappa = sigmoid(self.kappas.forward(x)) * range + self.log_min_kappa;
        SphericalMixture {
            log_weights,
            means: unit(means, 2),
            kappas: log_kappa.exp(),
        }
    }
}
