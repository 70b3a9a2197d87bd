//! Densities on the sphere that are sums of kernels, and their modes.

use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng};

/// A von Mises-Fisher density with a weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel {
    pub(crate) mean: [f64; 3],
    pub(crate) weight: f64,
    pub(crate) kappa: f64,
}

/// A place where a density is locally highest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    pub(crate) location: LatLng,
    pub(crate) log_density: f64,
}

impl Kernel {
    /// Logarithm of weight times density at `x`, per steradian.
    fn log_density(&self, x: [f64; 3]) -> f64 {
        let squared: f64 = (0..3).map(|k| (self.mean[k] - x[k]).powi(2)).sum();
        let normalisation = if self.kappa < 1e-9 {
            -(2.0 * std::f64::consts::TAU).ln()
        } else {
            self.kappa.ln() - std::f64::consts::TAU.ln() - (-(-2.0 * self.kappa).exp_m1()).ln()
        };
        self.weight.ln() + normalisation - 0.5 * self.kappa * squared
    }
}

/// Logarithm of the density at `x`.
fn log_density(kernels: &[Kernel], x: [f64; 3]) -> f64 {
    let terms: Vec<f64> = kernels.iter().map(|k| k.log_density(x)).collect();
    let max = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + terms.iter().map(|t| (t - max).exp()).sum::<f64>().ln()
}

/// Mean shift on the sphere: `x ← Σ κ_k f_k(x) μ_k`, scaled to unit length, until it moves less
/// than a metre, at most `steps` times. The density never falls (it is an expectation-maximisation
/// step for the position).
fn ascend(kernels: &[Kernel], start: [f64; 3], steps: usize) -> [f64; 3] {
    let mut x = start;
    for _ in 0..steps {
        let terms: Vec<f64> = kernels.iter().map(|k| k.log_density(x)).collect();
        let max = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = [0.0; 3];
        for (kernel, term) in kernels.iter().zip(terms) {
            let weight = kernel.kappa * (term - max).exp();
            for (s, m) in sum.iter_mut().zip(kernel.mean) {
                *s += weight * m;
            }
        }
        let length = sum.iter().map(|s| s * s).sum::<f64>().sqrt();
        if !(length.is_finite() && length > 0.0) {
            return x;
        }
        let next = sum.map(|s| s / length);
        let moved: f64 = (0..3).map(|k| (next[k] - x[k]).powi(2)).sum();
        x = next;
        if moved.sqrt() * EARTH_RADIUS_KM < 1e-3 {
            break;
        }
    }
    x
}

/// The highest of the modes that are reached from `starts`; the first of equals.
pub(crate) fn highest_mode(
    kernels: &[Kernel],
    starts: impl IntoIterator<Item = [f64; 3]>,
    steps: usize,
) -> Option<Mode> {
    let mut best: Option<Mode> = None;
    for start in starts {
        let x = ascend(kernels, start, steps);
        let log_density = log_density(kernels, x);
        let Some(location) = LatLng::from_vector(x) else {
            continue;
        };
        if !log_density.is_nan() && best.is_none_or(|b| log_density > b.log_density) {
            best = Some(Mode {
                location,
                log_density,
            });
        }
    }
    best
}

/// Root of the mean squared chord to the mean of a von Mises-Fisher density, in km:
/// `R √(2 (1 - A))` with `A = coth κ - 1/κ`.
pub(crate) fn spread_km(kappa: f64) -> f64 {
    let mean_length = if kappa < 1e-3 {
        kappa / 3.0
    } else {
        1.0 / kappa.tanh() - 1.0 / kappa
    };
    EARTH_RADIUS_KM * (2.0 * (1.0 - mean_length)).max(0.0).sqrt()
}

/// Concentration of a kernel with a spread in km along each axis: `κ = (R / σ)²`.
pub(crate) fn kappa_of(sigma_km: f64) -> f64 {
    (EARTH_RADIUS_KM / sigma_km.max(1e-3)).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use geoloc_geo_cells::haversine_km;

    #[test]
    fn two_near_kernels_merge_and_two_far_ones_do_not() {
        let at = |lat, lng| LatLng::new(lat, lng).unwrap();
        let kernel = |p: LatLng, weight| Kernel {
            mean: p.to_unit_vector(),
            weight,
            kappa: kappa_of(500.0),
        };
        // Across the antimeridian: the mode is between them, not in Africa.
        let (a, b) = (at(0.0, 179.0), at(0.0, -179.0));
        let kernels = [kernel(a, 0.5), kernel(b, 0.5)];
        let mode = highest_mode(&kernels, [a.to_unit_vector()], 200).unwrap();
        assert!(
            haversine_km(mode.location, at(0.0, -180.0)) < 1.0,
            "{}",
            mode.location
        );
        let far = [kernel(a, 0.4), kernel(at(50.0, 10.0), 0.6)];
        let starts = far.map(|k| k.mean);
        let mode = highest_mode(&far, starts, 50).unwrap();
        assert!(haversine_km(mode.location, at(50.0, 10.0)) < 1.0);
    }

    #[test]
    fn spread_and_kappa_agree_for_small_kernels() {
        // The chord has two axes, so its root mean square is √2 σ.
        let spread = spread_km(kappa_of(25.0));
        assert!((spread - 25.0 * 2f64.sqrt()).abs() < 1e-2, "{spread}");
        // The uniform density: mean squared chord 2.
        assert!((spread_km(0.0) - EARTH_RADIUS_KM * 2f64.sqrt()).abs() < 1e-9);
        assert!((kappa_of(25.0) - 64_944.0).abs() < 1.0);
    }
}
