//! Batch norms as part of the convolutions before them.
//!
//! With fixed statistics a batch norm multiplies every channel by a number and adds another one. So do
//! the weights and the bias of a convolution, which saves a pass over each map.

use burn::module::Param;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;

/// Makes the norm part of the convolution before it; nothing if it is so already.
pub(crate) fn fold(conv: &mut Conv2d, norm: &mut Option<BatchNorm>) {
    let Some(norm) = norm.take() else { return };
    let [channels] = norm.gamma.dims();
    let deviation = norm.running_var.value().add_scalar(norm.epsilon).sqrt();
    let scale = norm.gamma.val() / deviation;
    let shift = norm.beta.val() - norm.running_mean.value() * scale.clone();
    let bias = match conv.bias.take() {
        Some(bias) => bias.val() * scale.clone() + shift,
        None => shift,
    };
    let weight = conv.weight.val() * scale.reshape([channels, 1, 1, 1]);
    conv.weight = Param::from_tensor(weight);
    conv.bias = Some(Param::from_tensor(bias));
}
