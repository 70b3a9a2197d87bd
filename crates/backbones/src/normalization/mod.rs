//! Batch norms of the encoders, with the activation that follows.
//!
//! On the CPU (`flex`) both are one operation of our own, in two passes over the maps forwards and two
//! backwards; on every other device burn's layer computes them. Parameters and running statistics are
//! those of burn's [`BatchNorm`], updated as it does.

#[cfg(feature = "flex")]
mod backend;
#[cfg(feature = "flex")]
mod kernels;
#[cfg(feature = "flex")]
mod lanes;
#[cfg(test)]
#[cfg(feature = "flex")]
mod tests;

use burn::nn::BatchNorm;
use burn::tensor::Tensor;

use crate::activation::Activation;

/// [`BatchNorm::forward`] and an activation.
pub(crate) fn normalize(norm: &BatchNorm, activation: Activation, x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if let Some(y) = on_flex(norm, activation, &x) {
        return y;
    }
    activation.apply(norm.forward(x))
}

/// The same on the CPU; `None` elsewhere, for other numbers than of 32 bits, and where gradients go
/// through a norm with fixed statistics.
#[cfg(feature = "flex")]
fn on_flex(norm: &BatchNorm, activation: Activation, x: &Tensor<4>) -> Option<Tensor<4>> {
    use std::sync::Arc;

    use backend::Normalization;
    use burn::backend::Dispatch;
    use burn::tensor::{DType, Device, TensorData};
    use kernels::Moments;

    let device = x.device();
    if device != Device::flex() || x.dtype() != DType::F32 || norm.gamma.val().dtype() != DType::F32
    {
        return None;
    }
    let trains = device.is_autodiff() && norm.training.is_enabled();
    let moments = if trains {
        let x = x
            .clone()
            .inner()
            .try_into_primitive::<burn::backend::Flex>();
        let moments = backend::moments(&x.ok()?, norm.epsilon);
        let follow = |running: &burn::module::RunningState<Tensor<1>>, values: &[f32]| {
            let values = Tensor::from_data(TensorData::from(values), &device);
            let before = running.value_sync().to_device(&device);
            let after = before.mul_scalar(1.0 - norm.momentum) + values.mul_scalar(norm.momentum);
            running.update(after.detach());
        };
        follow(&norm.running_mean, &moments.mean);
        follow(&norm.running_var, &moments.variance);
        moments
    } else if device.is_autodiff() {
        return None;
    } else {
        let values = |running: Tensor<1>| running.into_data().try_into_vec::<f32>().ok();
        let mean = values(norm.running_mean.value())?;
        Moments::new(mean, values(norm.running_var.value())?, norm.epsilon)
    };
    let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
    Some(Tensor::from_dispatch(Dispatch::normalize(
        x.clone().into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        Arc::new(moments),
        activation,
    )))
}
