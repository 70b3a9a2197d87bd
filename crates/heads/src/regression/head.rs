//! The regression heads.

use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid};
use geoloc_core::{Directions, Features, Head, ScaledCoordinates};

use crate::unit::unit;

/// Dropout, linear, `ReLU`, dropout, linear.
#[derive(Module, Debug)]
pub(super) struct Trunk {
    pub(super) dropout: Dropout,
    pub(super) hidden: Linear,
    pub(super) hidden_dropout: Dropout,
    pub(super) output: Linear,
}

impl Trunk {
    fn forward(&self, features: Features) -> Tensor<2> {
        let hidden = self.hidden.forward(self.dropout.forward(features.pooled));
        self.output
            .forward(self.hidden_dropout.forward(relu(hidden)))
    }
}

/// Two layers to latitude and longitude scaled to (0, 1).
#[derive(Module, Debug)]
pub struct ScaledRegressionHead {
    pub(super) trunk: Trunk,
    #[module(skip)]
    pub(super) sigmoid: bool,
}

impl Head for ScaledRegressionHead {
    type Output = ScaledCoordinates;

    /// # Shapes
    ///
    /// Features `[batch, width]` to coordinates `[batch, 2]`.
    fn forward(&self, features: Features) -> ScaledCoordinates {
        let output = self.trunk.forward(features);
        ScaledCoordinates(if self.sigmoid {
            sigmoid(output)
        } else {
            output
        })
    }
}

/// Two layers to a unit vector.
#[derive(Module, Debug)]
pub struct DirectionHead {
    pub(super) trunk: Trunk,
}

impl Head for DirectionHead {
    type Output = Directions;

    /// # Shapes
    ///
    /// Features `[batch, width]` to unit vectors `[batch, 3]`; a zero vector stays zero.
    fn forward(&self, features: Features) -> Directions {
        Directions(unit(self.trunk.forward(features), 1))
    }
}
