//! Negative log-likelihood of von Mises-Fisher densities and their mixtures.

use burn::tensor::Tensor;
use geoloc_core::{Loss, SphericalMixture};

use crate::log_sum_exp::log_sum_exp;

/// Negative log-likelihood of the truth, in nats per steradian, the mean over the batch: of one
/// von Mises-Fisher density if the mixture has one component.
///
/// `ln f(x) = ln κ - ln 2π - ln(1 - e^(-2κ)) - κ |μ - x|² / 2`: the density on the sphere (Mardia
/// and Jupp 2000, section 9.3), with `μ·x - 1` written as a difference, which keeps its digits for
/// large κ. For small κ the normalisation is a series; its limit is the uniform density, `ln 4π` =
/// 2.531 nats. Right from κ = 1e-6 to 1e6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MixtureNll;

impl Loss<SphericalMixture> for MixtureNll {
    /// Unit vectors of the truth, `[batch, 3]`.
    type Target = Tensor<2>;

    fn forward(&self, output: &SphericalMixture, target: &Tensor<2>) -> Tensor<1> {
        let difference = output.means.clone() - target.clone().unsqueeze_dim::<3>(1);
        let squared: Tensor<2> = difference.square().sum_dim(2).squeeze_dim(2);
        let kappa = output.kappas.clone();
        let exponent = kappa.clone() * squared * -0.5;
        let log_density = log_normalisation(kappa) + exponent;
        let joint = output.log_weights.clone() + log_density;
        log_sum_exp(joint, 1).mean().neg()
    }
}

/// `ln κ - ln 2π - ln(1 - e^(-2κ))`.
///
/// With x = 2κ, `κ / (1 - e^(-2κ))` is half of `x / (1 - e^(-x)) = 1 + x/2 + x²/12 - x⁴/720 +
/// x⁶/30240 - x⁸/1209600 ...` (Bernoulli numbers), used below κ = 0.3 with an error of 1e-10.
fn log_normalisation(kappa: Tensor<2>) -> Tensor<2> {
    const SMALL: f64 = 0.3;
    let ln_2pi = std::f64::consts::TAU.ln();
    // Each branch sees only numbers where it is right, so that the gradient of the other one is
    // finite.
    let x = kappa.clone().clamp_max(SMALL) * 2.0;
    let x2 = x.clone().square();
    // Horner in x².
    let even = x2.clone() * (-1.0 / 1_209_600.0) + 1.0 / 30_240.0;
    let even = x2.clone() * even - 1.0 / 720.0;
    let even = x2.clone() * even + 1.0 / 12.0;
    let series = (x2 * even + x * 0.5).log1p() - std::f64::consts::LN_2;
    let large = kappa.clone().clamp_min(SMALL);
    let direct = large.clone().log() - (large * -2.0).exp().neg().log1p();
    let small = kappa.lower_scalar(SMALL);
    direct.mask_where(small, series) - ln_2pi
}

#[cfg(test)]
#[path = "mixture_tests.rs"]
mod tests;
