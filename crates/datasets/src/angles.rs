//! Fast arc tangents in single precision for the inner loop of tile rendering.

use std::f32::consts::{FRAC_PI_2, PI};

/// Least-maximum fit of atan on [0, 1] by an odd polynomial of degree 13; error below 3e-7 rad.
const ATAN: [f32; 7] = [
    0.999_996_1,
    -0.333_173_7,
    0.198_078_16,
    -0.132_333_44,
    0.079_623_68,
    -0.033_604_216,
    0.006_811_789,
];

/// Four-quadrant arc tangent in radians, in [-π, π]; within 1e-6 rad (6 m on the ground) of
/// [`f32::atan2`], which a test checks over the whole circle. Zero for (0, 0).
#[inline]
pub(crate) fn atan2(y: f32, x: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let (small, large) = if ax < ay { (ax, ay) } else { (ay, ax) };
    let t = small / large.max(f32::MIN_POSITIVE);
    let s = t * t;
    let tail = ATAN[4] + s * (ATAN[5] + s * ATAN[6]);
    let first = t * (ATAN[0] + s * (ATAN[1] + s * (ATAN[2] + s * (ATAN[3] + s * tail))));
    let octant = if ax < ay { FRAC_PI_2 - first } else { first };
    let half = if x < 0.0 { PI - octant } else { octant };
    if y < 0.0 { -half } else { half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_a_microradian_of_the_exact_value() {
        let mut worst = 0.0_f64;
        for i in 0..200_000 {
            let angle = (f64::from(i) / 200_000.0 - 0.5) * std::f64::consts::TAU;
            let radius = 10.0_f64.powi(i % 7 - 3);
            let (y, x) = ((angle.sin() * radius) as f32, (angle.cos() * radius) as f32);
            let exact = f64::from(y).atan2(f64::from(x));
            worst = worst.max((f64::from(atan2(y, x)) - exact).abs());
        }
        assert!(worst < 1e-6, "worst error {worst} rad");
    }

    #[test]
    fn the_origin_and_the_axes_are_finite() {
        assert!(atan2(0.0, 0.0).abs() < 1e-6);
        assert!((atan2(1.0, 0.0) - FRAC_PI_2).abs() < 1e-6);
        assert!((atan2(0.0, -1.0).abs() - PI).abs() < 1e-6);
    }
}
