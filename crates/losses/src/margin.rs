//! Softmax losses with a margin on the angle to the right prototype.

use burn::tensor::{Int, Tensor};
use geoloc_core::{CosineLogits, Loss};

use crate::log_sum_exp::{class_mask, nll};

/// Where the margin is put.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Margin {
    /// `cos θ - m` (Wang et al. 2018); `CosPlace` takes m = 0.4 with scale 30.
    Cosine(f64),
    /// `cos(θ + m)` in radians (Deng et al. 2019), m in [0, π); where θ + m exceeds π,
    /// `cos θ - m sin m`, as the authors' code.
    Angle(f64),
}

/// Cross-entropy over `scale · cos θ` with the margin subtracted at the right class: `CosFace` or
/// `ArcFace`. The scale is the one of the output, so that training and answers agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarginSoftmax {
    /// The margin at the right class.
    pub margin: Margin,
}

impl Default for MarginSoftmax {
    /// `CosFace` with margin 0.4.
    fn default() -> Self {
        Self {
            margin: Margin::Cosine(0.4),
        }
    }
}

impl Loss<CosineLogits> for MarginSoftmax {
    type Target = Tensor<1, Int>;

    fn forward(&self, output: &CosineLogits, target: &Self::Target) -> Tensor<1> {
        let cosine = output.cosine.clone();
        let [_, cells] = cosine.dims();
        let own = class_mask(target.clone(), cells);
        let with_margin = match self.margin {
            Margin::Cosine(m) => cosine.clone() - m,
            Margin::Angle(m) => {
                // 1e-7 keeps the gradient of the root finite in f32.
                let sine = (cosine.clone().square().neg() + 1.0).clamp_min(1e-7).sqrt();
                let turned = cosine.clone() * m.cos() - sine * m.sin();
                let beyond = cosine.clone().lower_equal_scalar(-m.cos());
                turned.mask_where(beyond, cosine.clone() - m * m.sin())
            }
        };
        let logits = cosine.mask_where(own, with_margin) * output.scale.clone().unsqueeze::<2>();
        nll(logits, target.clone()).mean()
    }
}

#[cfg(test)]
#[path = "margin_tests.rs"]
mod tests;
