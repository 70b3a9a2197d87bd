//! Densities on the sphere that are sums of kernels, and their modes.

use geoloc_core::PlaceMass;
use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng, haversine_km};

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

/// A mode with the kernels that lead to it.
#[derive(Clone, Debug)]
pub(crate) struct WeightedMode {
    pub(crate) location: LatLng,
    pub(crate) weight: f64,
    pub(crate) members: Vec<usize>,
}

impl Kernel {
    /// The kernel, blurred by one of concentration `kappa`: variances add up.
    pub(crate) fn blurred(self, kappa: f64) -> Self {
        Self {
            kappa: 1.0 / (1.0 / self.kappa.max(1e-9) + 1.0 / kappa),
            ..self
        }
    }

    /// The kernel as 96 places of equal mass, on 12 rings about the mean, each of which stands for
    /// a twelfth of the kernel.
    pub(crate) fn parts(&self) -> impl Iterator<Item = PlaceMass> + '_ {
        const RINGS: u32 = 12;
        const DIRECTIONS: u32 = 8;
        let [east, north] = across(self.mean);
        let mass = self.weight / f64::from(RINGS * DIRECTIONS);
        (0..RINGS).flat_map(move |ring| {
            let held = (f64::from(ring) + 0.5) / f64::from(RINGS);
            let angle = angle_holding(held, self.kappa);
            let (sin, cos) = angle.sin_cos();
            // Places of a ring lie between those of the one before.
            let turn = f64::from(ring % 2) / 2.0;
            let spread_km = 0.15 * EARTH_RADIUS_KM * angle_holding(0.5, self.kappa);
            (0..DIRECTIONS).filter_map(move |direction| {
                let share = (f64::from(direction) + turn) / f64::from(DIRECTIONS);
                let (s, c) = (std::f64::consts::TAU * share).sin_cos();
                let at = |k: usize| cos * self.mean[k] + sin * (c * east[k] + s * north[k]);
                let place = LatLng::from_vector(std::array::from_fn(at))?;
                Some(PlaceMass::at(place, mass, spread_km))
            })
        })
    }

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

/// The modes that the kernels themselves lead to, each with the weight of the kernels that do, and
/// its members by position; heaviest first, of equals the first. Modes nearer to each other than
/// `join_km` count as one.
pub(crate) fn weighted_modes(kernels: &[Kernel], join_km: f64, steps: usize) -> Vec<WeightedMode> {
    let mut modes: Vec<WeightedMode> = Vec::new();
    for (position, kernel) in kernels.iter().enumerate() {
        let Some(location) = LatLng::from_vector(ascend(kernels, kernel.mean, steps)) else {
            continue;
        };
        let near = |m: &&mut WeightedMode| haversine_km(m.location, location) < join_km;
        if let Some(mode) = modes.iter_mut().find(near) {
            mode.weight += kernel.weight;
            mode.members.push(position);
        } else {
            modes.push(WeightedMode {
                location,
                weight: kernel.weight,
                members: vec![position],
            });
        }
    }
    modes.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    modes
}

/// Distance in km from the mean of a von Mises-Fisher density within which half of it lies.
pub(crate) fn median_km(kappa: f64) -> f64 {
    EARTH_RADIUS_KM * angle_holding(0.5, kappa)
}

/// Angle in radians about the mean of a von Mises-Fisher density that holds a share `p` of it:
/// `cos θ = 1 + ln(1 - p (1 - e^(-2κ))) / κ`.
fn angle_holding(p: f64, kappa: f64) -> f64 {
    // Towards 0 the density is uniform, and shares are those of areas.
    let missing = if kappa < 1e-6 {
        2.0 * p
    } else {
        -(p * (-2.0 * kappa).exp_m1()).ln_1p() / kappa
    };
    // 1 - cos θ = 2 sin²(θ / 2) keeps the digits of small angles.
    2.0 * (0.5 * missing).sqrt().min(1.0).asin()
}

/// Two directions of unit length across a third and each other.
fn across(v: [f64; 3]) -> [[f64; 3]; 2] {
    // The axis that is farthest from the direction.
    let axis = (0..3).min_by(|&a, &b| v[a].abs().total_cmp(&v[b].abs()));
    let along = axis.map_or(0.0, |k| v[k]);
    let raw: [f64; 3] =
        std::array::from_fn(|k| f64::from(u8::from(Some(k) == axis)) - along * v[k]);
    let length = raw.iter().map(|x| x * x).sum::<f64>().sqrt();
    let first = raw.map(|x| x / length);
    let cross = |i: usize, j: usize| v[i] * first[j] - v[j] * first[i];
    [first, [cross(1, 2), cross(2, 0), cross(0, 1)]]
}

/// Concentration of a kernel with a spread in km along each axis: `κ = (R / σ)²`.
pub(crate) fn kappa_of(sigma_km: f64) -> f64 {
    (EARTH_RADIUS_KM / sigma_km.max(1e-3)).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn half_of_a_density_lies_within_its_median() {
        // A plane normal: median σ √(2 ln 2).
        let median = median_km(kappa_of(25.0));
        assert!(
            (median - 25.0 * (2.0 * 2f64.ln()).sqrt()).abs() < 1e-3,
            "{median}"
        );
        // The uniform density: a hemisphere. Between: F(θ) of the definition is a half.
        let quarter = 0.5 * std::f64::consts::PI * EARTH_RADIUS_KM;
        assert!((median_km(0.0) - quarter).abs() < 1e-6);
        for kappa in [0.01, 0.5, 3.0, 40.0] {
            let theta: f64 = median_km(kappa) / EARTH_RADIUS_KM;
            let held = (kappa.exp() - (kappa * theta.cos()).exp()) / (2.0 * kappa.sinh());
            assert!((held - 0.5).abs() < 1e-6, "{kappa} {held}");
        }
        assert!((kappa_of(25.0) - 64_944.0).abs() < 1.0);
    }

    #[test]
    fn the_heaviest_mode_is_not_the_sharpest() {
        let at = |lat, lng| LatLng::new(lat, lng).unwrap();
        let kernel = |p: LatLng, weight, kappa| Kernel {
            mean: p.to_unit_vector(),
            weight,
            kappa,
        };
        // 2 % that is certain to 20 km beside 98 % in two blurs that overlap.
        let sharp = kernel(at(-20.0, 30.0), 0.02, 1e5);
        let kernels = [
            sharp,
            kernel(at(48.0, 2.0), 0.5, 100.0),
            kernel(at(50.0, 5.0), 0.48, 100.0),
        ];
        let highest = highest_mode(&kernels, kernels.map(|k| k.mean), 200).unwrap();
        assert!(haversine_km(highest.location, at(-20.0, 30.0)) < 1.0);
        let modes = weighted_modes(&kernels, 50.0, 200);
        assert_eq!(modes.len(), 2);
        assert!((modes[0].weight - 0.98).abs() < 1e-12);
        assert_eq!(modes[0].members, [1, 2]);
        assert!(haversine_km(modes[0].location, at(49.0, 3.5)) < 60.0);
        let blurred = kernels[1].blurred(100.0);
        assert!((blurred.kappa - 50.0).abs() < 1e-9);
    }
}
