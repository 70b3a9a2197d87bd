//! The exponential function in vector registers.
#![allow(
    clippy::inline_always,
    reason = "vector code has the instructions of the function that it is inlined into"
)]

use pulp::Simd;

/// The least number whose exponential is not subnormal.
const LEAST: f32 = -87.33;
/// `ln 2`, as a part of few binary digits, whose multiples by whole numbers are exact, and the rest.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// `(exp(r) - 1 - r) / r^2` for `|r| <= ln(2) / 2` by falling powers, of the library Cephes (Moshier).
const COEFFICIENTS: [f32; 6] = [
    1.987_569_1e-4,
    1.398_199_9e-3,
    8.333_452e-3,
    4.166_579_6e-2,
    1.666_666_5e-1,
    0.5,
];
/// Added to a small number, it leaves the nearest whole number in the last bits of the sum.
const ROUND: f32 = 12_582_912.0;

/// `exp(x)` for `x` not above 0, to two units in the last place; 0 where it would be subnormal.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value: f32| simd.splat_f32s(value);
    let shifted = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), splat(ROUND));
    let whole = simd.sub_f32s(shifted, splat(ROUND));
    let rest = simd.mul_add_e_f32s(whole, splat(-LN_2[0]), x);
    let rest = simd.mul_add_e_f32s(whole, splat(-LN_2[1]), rest);
    let mut sum = splat(COEFFICIENTS[0]);
    for coefficient in &COEFFICIENTS[1..] {
        sum = simd.mul_add_e_f32s(sum, rest, splat(*coefficient));
    }
    let square = simd.mul_f32s(rest, rest);
    let sum = simd.mul_add_e_f32s(sum, square, simd.add_f32s(rest, splat(1.0)));
    // The whole number becomes the exponent of a power of 2.
    let bits = simd.transmute_u32s_f32s(shifted);
    let bits = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let power = simd.add_u32s(bits, simd.splat_u32s(1.0f32.to_bits()));
    let result = simd.mul_f32s(sum, simd.transmute_f32s_u32s(power));
    simd.select_f32s(simd.less_than_f32s(x, splat(LEAST)), splat(0.0), result)
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Scalar, Simd, WithSimd};

    use super::exp;

    struct Exp<'a>(&'a mut [f32]);

    impl WithSimd for Exp<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (values, _) = S::as_mut_simd_f32s(self.0);
            for value in values {
                *value = exp(simd, *value);
            }
        }
    }

    #[test]
    fn is_close_to_the_definition() {
        let x: Vec<f32> = (0..64_000).map(|i| -87.32 * i as f32 / 63_999.0).collect();
        let [mut wide, mut narrow] = [x.clone(), x.clone()];
        Arch::new().dispatch(Exp(&mut wide));
        Exp(&mut narrow).with_simd(Scalar);
        for values in [wide, narrow] {
            for (x, y) in x.iter().zip(values) {
                let exact = f64::from(*x).exp();
                let off = (f64::from(y) / exact - 1.0).abs();
                assert!(off < 2.5e-7, "exp({x}) is {exact}, not {y}");
            }
        }
    }

    #[test]
    fn far_below_it_is_zero_and_no_number_stays_none() {
        let far = [-88.0, -1e3, -1e30, f32::NEG_INFINITY];
        let mut values = [0.0; 64];
        values[..4].copy_from_slice(&far);
        values[4] = f32::NAN;
        let [mut wide, mut narrow] = [values; 2];
        Arch::new().dispatch(Exp(&mut wide));
        Exp(&mut narrow).with_simd(Scalar);
        for values in [wide, narrow] {
            assert_eq!(values[..4], [0.0; 4]);
            assert!(values[4].is_nan());
            assert_eq!(values[5..], [1.0; 59]);
        }
    }
}
