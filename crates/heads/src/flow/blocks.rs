//! The network behind the flow head.

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::activation::{gelu, silu};
use burn::tensor::{Device, Tensor};
use geoloc_core::VelocityField;

/// Number of frequencies by which the network reads the progress.
pub(super) const FREQUENCIES: usize = 64;

/// Residual perceptrons whose normalisation is steered by condition and progress (adaptive layer
/// norm, Peebles and Xie 2023), from a point to a tangent vector.
///
/// The steering starts at zero, so that every block starts as the identity.
#[derive(Module, Debug)]
pub struct FlowNetwork {
    pub(super) point: Linear,
    pub(super) condition: Linear,
    pub(super) progress: Linear,
    pub(super) progress_output: Linear,
    pub(super) blocks: Vec<Block>,
    pub(super) modulation: Linear,
    pub(super) output: Linear,
}

/// Shift, scale and gate from the steering vector, and a perceptron with one hidden layer.
#[derive(Module, Debug)]
pub(super) struct Block {
    pub(super) modulation: Linear,
    pub(super) hidden: Linear,
    pub(super) output: Linear,
}

impl Block {
    fn forward(&self, x: Tensor<2>, steering: Tensor<2>) -> Tensor<2> {
        let [_, width] = x.dims();
        let modulation = self.modulation.forward(steering);
        let part = |k: usize| modulation.clone().narrow(1, k * width, width);
        let hidden = gelu(self.hidden.forward(modulate(x.clone(), part(0), part(1))));
        x + self.output.forward(hidden) * part(2)
    }
}

impl VelocityField for FlowNetwork {
    fn velocity(&self, points: Tensor<2>, progress: Tensor<2>, condition: Tensor<2>) -> Tensor<2> {
        let progress = silu(self.progress.forward(waves(progress)));
        let steering = self.condition.forward(condition) + self.progress_output.forward(progress);
        let steering = silu(steering);
        let mut x = self.point.forward(points.clone());
        for block in &self.blocks {
            x = block.forward(x, steering.clone());
        }
        let [_, width] = x.dims();
        let modulation = self.modulation.forward(steering);
        let shift = modulation.clone().narrow(1, 0, width);
        let x = modulate(x, shift, modulation.narrow(1, width, width));
        let v = self.output.forward(x);
        let outward = (v.clone() * points.clone()).sum_dim(1);
        v - points * outward
    }
}

/// Layer norm without parameters, then scaled and shifted.
fn modulate(x: Tensor<2>, shift: Tensor<2>, scale: Tensor<2>) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(1);
    let deviation = (centred.clone().square().mean_dim(1) + 1e-6).sqrt();
    centred / deviation * (scale + 1.0) + shift
}

/// Cosines and sines of `ω γ` with ω from 100 down to 1/100 in equal ratios, as diffusion models
/// read the time (Ho et al. 2020) but ten times slower, because the likelihood integrates over γ;
/// `[n, 1]` to `[n, 2 * FREQUENCIES]`.
fn waves(progress: Tensor<2>) -> Tensor<2> {
    let frequencies: Vec<f32> = (0..FREQUENCIES)
        .map(|k| 1e2 * 1e-4f32.powf(k as f32 / FREQUENCIES as f32))
        .collect();
    let frequencies = Tensor::<1>::from_data(frequencies.as_slice(), &progress.device());
    let angles = progress * frequencies.unsqueeze_dim::<2>(0);
    Tensor::cat(vec![angles.clone().cos(), angles.sin()], 1)
}

/// A linear layer that answers zero until it is trained.
pub(super) fn zeroed(from: usize, to: usize, device: &Device) -> Linear {
    LinearConfig::new(from, to)
        .with_initializer(Initializer::Zeros)
        .init(device)
}
