//! Random numbers that are pure functions of what they are for.

/// Mixes two numbers into one seed (the finaliser of `SplitMix64`, Steele et al. 2014).
#[must_use]
pub fn mix(seed: u64, index: u64) -> u64 {
    let mut z = seed ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number in [0, 1) drawn with a seed; equal seeds give equal numbers.
#[must_use]
pub fn uniform(seed: u64) -> f64 {
    (mix(seed, 0) >> 11) as f64 / (1u64 << 53) as f64
}

/// A direction drawn uniformly from the sphere (Archimedes: the third coordinate is uniform).
#[must_use]
pub fn uniform_direction(seed: u64) -> [f64; 3] {
    let z = 2.0 * uniform(mix(seed, 1)) - 1.0;
    let (sin, cos) = (std::f64::consts::TAU * uniform(mix(seed, 2))).sin_cos();
    let radius = (1.0 - z * z).sqrt();
    [radius * cos, radius * sin, z]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_uniform() {
        let n = 20_000u64;
        let (mut mean, mut second) = ([0.0; 3], [0.0; 3]);
        for k in 0..n {
            let v = uniform_direction(mix(5, k));
            assert!((v.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12);
            for axis in 0..3 {
                mean[axis] += v[axis] / n as f64;
                second[axis] += v[axis] * v[axis] / n as f64;
            }
        }
        // Standard errors: √(1/3n) = 0.0041 and √(4/45n) = 0.0021.
        assert!(mean.iter().all(|m| m.abs() < 0.0165), "{mean:?}");
        assert!(
            second.iter().all(|s| (s - 1.0 / 3.0).abs() < 0.0085),
            "{second:?}"
        );
        let bits = |seed| uniform_direction(seed).map(f64::to_bits);
        assert_eq!(bits(9), bits(9));
    }
}
