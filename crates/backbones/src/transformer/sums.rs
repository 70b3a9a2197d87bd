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

/// `row = around + scale * (row + bias)`.
pub(super) fn mix(row: &mut [f32], bias: &[f32], scale: &[f32], around: &[f32]) {
    Arch::new().dispatch(Mix {
        row,
        bias,
        scale,
        around,
    });
}

struct Mix<'a> {
    row: &'a mut [f32],
    bias: &'a [f32],
    scale: &'a [f32],
    around: &'a [f32],
}

impl WithSimd for Mix<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (row, rest) = S::as_mut_simd_f32s(self.row);
        let (bias, last_bias) = S::as_simd_f32s(self.bias);
        let (scale, last_scale) = S::as_simd_f32s(self.scale);
        let (around, last_around) = S::as_simd_f32s(self.around);
        for (((row, bias), scale), around) in row.iter_mut().zip(bias).zip(scale).zip(around) {
            *row = simd.mul_add_e_f32s(*scale, simd.add_f32s(*row, *bias), *around);
        }
        let last = last_bias.iter().zip(last_scale).zip(last_around);
        for (row, ((bias, scale), around)) in rest.iter_mut().zip(last) {
            *row = scale * (*row + bias) + around;
        }
    }
}

/// `product = row * scale`, and `sum += row * other`.
pub(super) fn scale_and_sum(
    product: &mut [f32],
    sum: &mut [f32],
    row: &[f32],
    scale: &[f32],
    other: &[f32],
) {
    Arch::new().dispatch(ScaleAndSum {
        product,
        sum,
        row,
        scale,
        other,
    });
}

struct ScaleAndSum<'a> {
    product: &'a mut [f32],
    sum: &'a mut [f32],
    row: &'a [f32],
    scale: &'a [f32],
    other: &'a [f32],
}

impl WithSimd for ScaleAndSum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (product, last_product) = S::as_mut_simd_f32s(self.product);
        let (sum, last_sum) = S::as_mut_simd_f32s(self.sum);
        let (row, last_row) = S::as_simd_f32s(self.row);
        let (scale, last_scale) = S::as_simd_f32s(self.scale);
        let (other, last_other) = S::as_simd_f32s(self.other);
        let read = row.iter().zip(scale).zip(other);
        for ((product, sum), ((row, scale), other)) in product.iter_mut().zip(sum).zip(read) {
            *product = simd.mul_f32s(*row, *scale);
            *sum = simd.mul_add_e_f32s(*row, *other, *sum);
        }
        let read = last_row.iter().zip(last_scale).zip(last_other);
        let written = last_product.iter_mut().zip(last_sum);
        for ((product, sum), ((row, scale), other)) in written.zip(read) {
            *product = row * scale;
            *sum += row * other;
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
