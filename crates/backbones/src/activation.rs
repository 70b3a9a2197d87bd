//! What follows a convolution or a norm.

use burn::tensor::Tensor;

/// An activation that cuts values off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Activation {
    None,
    /// Values between the two.
    Clamp(f32, f32),
}

impl Activation {
    /// `ReLU`.
    pub(crate) const RELU: Self = Self::Clamp(0.0, f32::INFINITY);
    /// `ReLU6`.
    pub(crate) const RELU6: Self = Self::Clamp(0.0, 6.0);

    /// The activation by burn's operations.
    pub(crate) fn apply(self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::None => x,
            Self::RELU => burn::tensor::activation::relu(x),
            Self::Clamp(low, high) => x.clamp(low, high),
        }
    }

    /// The least and the greatest value that it lets through.
    #[cfg(feature = "flex")]
    pub(crate) fn limits(self) -> [f32; 2] {
        match self {
            Self::None => [f32::NEG_INFINITY, f32::INFINITY],
            Self::Clamp(low, high) => [low, high],
        }
    }
}
