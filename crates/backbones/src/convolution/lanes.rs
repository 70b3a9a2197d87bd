//! Sums of products in vector registers.
#![allow(
    clippy::inline_always,
    reason = "vector code has the instructions of the function that it is inlined into"
)]

use pulp::{Simd, WithSimd};

/// Values of the result that are summed at a time: four registers of the widest vectors.
pub(super) const LANES: usize = 64;

/// `sum[i] = sum over t of weight[t] * values[start[t] + i]`; the length of `sum` is a multiple of
/// [`LANES`].
pub(super) struct Correlate<'a> {
    pub sum: &'a mut [f32],
    pub values: &'a [f32],
    /// Weights and starts.
    pub taps: &'a [(f32, usize)],
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (sums, _) = S::as_mut_simd_f32s(self.sum);
        for (at, sum) in sums.chunks_exact_mut(4).enumerate() {
            let mut lanes = [simd.splat_f32s(0.0); 4];
            for (weight, start) in self.taps {
                let weight = simd.splat_f32s(*weight);
                let first = start + at * 4 * S::F32_LANES;
                let (values, _) = S::as_simd_f32s(&self.values[first..first + 4 * S::F32_LANES]);
                for (lane, value) in lanes.iter_mut().zip(values) {
                    *lane = simd.mul_add_e_f32s(weight, *value, *lane);
                }
            }
            sum.copy_from_slice(&lanes);
        }
    }
}

/// The sums of products of `left` with the values from each start on; the length of `left` is a
/// multiple of [`LANES`].
pub(super) struct Dots<'a> {
    pub sums: &'a mut [f32],
    pub left: &'a [f32],
    pub right: &'a [f32],
    pub starts: &'a [usize],
}

impl WithSimd for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (left, _) = S::as_simd_f32s(self.left);
        for (sum, start) in self.sums.iter_mut().zip(self.starts) {
            let (right, _) = S::as_simd_f32s(&self.right[*start..start + self.left.len()]);
            let mut lanes = [simd.splat_f32s(0.0); 4];
            for (left, right) in left.chunks_exact(4).zip(right.chunks_exact(4)) {
                for ((lane, left), right) in lanes.iter_mut().zip(left).zip(right) {
                    *lane = simd.mul_add_e_f32s(*left, *right, *lane);
                }
            }
            let [a, b, c, d] = lanes;
            let all = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
            *sum += simd.reduce_sum_f32s(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Scalar, WithSimd};

    use super::{Correlate, Dots, LANES};

    fn numbers(count: usize) -> Vec<f32> {
        (0..count)
            .map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0)
            .collect()
    }

    /// Machines differ in the width of their vectors; the narrowest is tried beside that at hand.
    #[test]
    fn vectors_of_one_value_give_the_same() {
        let values = numbers(3 * LANES);
        let taps = [(0.5, 3), (-2.0, 0), (0.25, LANES)];
        let [mut wide, mut narrow] = [[0.0; 2 * LANES]; 2];
        let (values, taps) = (values.as_slice(), taps.as_slice());
        Arch::new().dispatch(Correlate {
            sum: &mut wide,
            values,
            taps,
        });
        Correlate {
            sum: &mut narrow,
            values,
            taps,
        }
        .with_simd(Scalar);
        for (at, (wide, narrow)) in wide.iter().zip(narrow).enumerate() {
            let sum: f32 = taps
                .iter()
                .map(|(weight, start)| weight * values[start + at])
                .sum();
            assert!(
                (wide - sum).abs() < 1e-5 && (narrow - sum).abs() < 1e-5,
                "{at}"
            );
        }
        let left = &numbers(2 * LANES)[..];
        let starts = &[0, 7, LANES][..];
        let [mut wide, mut narrow] = [[1.0; 3]; 2];
        Arch::new().dispatch(Dots {
            sums: &mut wide,
            left,
            right: values,
            starts,
        });
        Dots {
            sums: &mut narrow,
            left,
            right: values,
            starts,
        }
        .with_simd(Scalar);
        for ((wide, narrow), start) in wide.iter().zip(narrow).zip(starts) {
            let right = &values[*start..];
            let sum: f32 = 1.0 + left.iter().zip(right).map(|(a, b)| a * b).sum::<f32>();
            assert!(
                (wide - sum).abs() < 1e-4 && (narrow - sum).abs() < 1e-4,
                "{wide} {narrow} {sum}"
            );
        }
    }
}
