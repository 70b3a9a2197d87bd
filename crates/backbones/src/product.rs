//! Products of matrices that lie in slices.
#![allow(unsafe_code, reason = "the library of products takes pointers")]

use gemm::Parallelism;

/// A matrix: value `(i, j)` lies at `i * strides[0] + j * strides[1]`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    shape: [usize; 2],
    strides: [usize; 2],
}

/// A matrix to write, whose values do not overlap.
pub(crate) struct MatrixMut<'a> {
    values: &'a mut [f32],
    shape: [usize; 2],
    strides: [usize; 2],
}

/// Values that a matrix reaches over.
fn reach(shape: [usize; 2], strides: [usize; 2]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    (shape[0] - 1) * strides[0] + (shape[1] - 1) * strides[1] + 1
}

impl<'a> Matrix<'a> {
    /// The matrix at the start of `values`.
    pub(crate) fn new(values: &'a [f32], shape: [usize; 2], strides: [usize; 2]) -> Self {
        assert!(
            reach(shape, strides) <= values.len(),
            "a matrix within its values"
        );
        Self {
            values,
            shape,
            strides,
        }
    }

    /// Rows as columns.
    pub(crate) fn transposed(self) -> Self {
        let ([rows, columns], [down, across]) = (self.shape, self.strides);
        Self {
            shape: [columns, rows],
            strides: [across, down],
            ..self
        }
    }
}

impl<'a> MatrixMut<'a> {
    /// The matrix at the start of `values`.
    pub(crate) fn new(values: &'a mut [f32], shape: [usize; 2], strides: [usize; 2]) -> Self {
        assert!(
            reach(shape, strides) <= values.len(),
            "a matrix within its values"
        );
        Self {
            values,
            shape,
            strides,
        }
    }
}

/// `sum = left * right`, or `sum += left * right` with `add`, on all threads if asked.
pub(crate) fn product(
    sum: &mut MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    add: bool,
    threads: bool,
) {
    let [rows, columns] = sum.shape;
    let inner = left.shape[1];
    assert_eq!(left.shape, [rows, inner], "rows of the product");
    assert_eq!(right.shape, [inner, columns], "columns of the product");
    let parallelism = if threads {
        Parallelism::Rayon(0)
    } else {
        Parallelism::None
    };
    // SAFETY: the three matrices lie within their slices (checked where they are made), their shapes
    // agree (checked above), and the slice that is written is borrowed mutably, so it overlaps neither
    // of the others.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            sum.values.as_mut_ptr(),
            sum.strides[1].cast_signed(),
            sum.strides[0].cast_signed(),
            add,
            left.values.as_ptr(),
            left.strides[1].cast_signed(),
            left.strides[0].cast_signed(),
            right.values.as_ptr(),
            right.strides[1].cast_signed(),
            right.strides[0].cast_signed(),
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
