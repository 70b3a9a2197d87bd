//! What an encoder hands to a head.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The output of an encoder, the only thing that passes between encoders and heads.
#[derive(Clone, Debug)]
pub struct Features {
    /// One vector per image, `[batch, width]`.
    pub pooled: Tensor<2>,
    /// Local vectors, `[batch, tokens, width]`, where the encoder has them.
    pub tokens: Option<Tensor<3>>,
}

impl Features {
    /// Features without local vectors; `pooled` is `[batch, width]`.
    #[must_use]
    pub fn pooled(pooled: Tensor<2>) -> Self {
        Self {
            pooled,
            tokens: None,
        }
    }
}

/// The shape of [`Features`], known before any image is seen; heads are built against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureSpec {
    /// Length of the pooled vector and of each token.
    pub width: usize,
    /// Rows and columns of the token grid; `None` if the encoder gives no tokens.
    pub grid: Option<[usize; 2]>,
}

impl FeatureSpec {
    /// A spec without tokens.
    #[must_use]
    pub fn pooled(width: usize) -> Self {
        Self { width, grid: None }
    }

    /// Number of tokens, 0 without a grid.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.grid.map_or(0, |[rows, columns]| rows * columns)
    }
}
