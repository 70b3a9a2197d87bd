//! From the last feature map of a convolutional network to features.

use burn::tensor::Tensor;
use geoloc_core::Features;

/// The map `[batch, channels, rows, columns]` as tokens `[batch, rows * columns, channels]`, row by
/// row, and their mean.
pub(crate) fn features_of_map(map: Tensor<4>) -> Features {
    let tokens = map.flatten::<3>(2, 3).swap_dims(1, 2);
    Features {
        pooled: tokens.clone().mean_dim(1).squeeze_dim(1),
        tokens: Some(tokens),
    }
}

/// Side of a map after `halvings` steps of stride 2 with padding, each rounding up.
pub(crate) fn halved(side: usize, halvings: u32) -> usize {
    (0..halvings).fold(side, |side, _| side.div_ceil(2))
}
