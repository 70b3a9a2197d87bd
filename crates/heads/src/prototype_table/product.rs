//! Products of row-major matrices.
#![allow(unsafe_code, reason = "the product takes pointers")]

/// A row-major matrix, perhaps read as its transpose.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    strides: (isize, isize),
}

impl<'a> Matrix<'a> {
    /// `[values.len() / columns, columns]`.
    pub(super) fn new(values: &'a [f32], columns: usize) -> Self {
        Self {
            values,
            rows: values.len() / columns.max(1),
            columns,
            strides: (columns as isize, 1),
        }
    }

    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            strides: (self.strides.1, self.strides.0),
            ..self
        }
    }
}

/// `out += a b`, or `out = a b`, with `out` row-major; nothing happens where shapes do not fit.
pub(super) fn product(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], accumulate: bool) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    let fits = b.rows == k && out.len() == m * n;
    let whole = |x: &Matrix<'_>| x.values.len() == x.rows * x.columns;
    debug_assert!(fits && whole(&a) && whole(&b));
    if !(fits && whole(&a) && whole(&b)) || out.is_empty() {
        return;
    }
    // SAFETY: `a` is [m, k] and `b` [k, n] with strides inside their slices, as just checked; `out`
    // holds m x n numbers, row-major, and overlaps neither since it is borrowed mutably.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            a.values.as_ptr(),
            a.strides.1,
            a.strides.0,
            b.values.as_ptr(),
            b.strides.1,
            b.strides.0,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
