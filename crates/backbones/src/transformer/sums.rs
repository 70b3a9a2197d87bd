//! Sums of rows.
#![allow(
    clippy::inline_always,
    reason = "vector code has the instructions of the function that it is inlined into"
)]

use pulp::{Arch, Simd, WithSimd};

/// `row += values`.
pub(super) fn add(row: &mut [f32], values: &[f32]) {
    Arch::new().dispatch(Add { row, values });
}

struct Add<'a> {
    row: &'a mut [f32],
    values: &'a [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (row, rest) = S::as_mut_simd_f32s(self.row);
        let (values, last) = S::as_simd_f32s(self.values);
        for (sum, value) in row.iter_mut().zip(values) {
            *sum = simd.add_f32s(*sum, *value);
        }
        for (sum, value) in rest.iter_mut().zip(last) {
            *sum += value;
        }
    }
}

/// The sum of rows of `width` values.
pub(super) fn total<'a>(rows: impl IntoIterator<Item = &'a [f32]>, width: usize) -> Vec<f32> {
    let mut total = vec![0.0; width];
    for row in rows {
        add(&mut total, row);
    }
    total
}
