//! Principal components of features, each of variance 1.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use thiserror::Error;

use super::eigen::symmetric_eigen;
use super::norms::unit;

/// Turns features onto their principal components and divides each by its deviation (Jégou and
/// Chum, "Negative evidences and co-occurrences in image retrieval", ECCV 2012, section 3), then
/// scales the result to length 1. [`Whitening::fit_pairs`] learns the directions from pairs of the
/// same place instead. Saved with a model, not trained by gradients.
#[derive(Module, Debug)]
pub struct Whitening {
    /// `[1, width]`.
    mean: Param<Tensor<2>>,
    /// `[width, components]`.
    weight: Param<Tensor<2>>,
}

/// Why a whitening cannot be fitted.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum WhiteningError {
    /// The number of values is no multiple of the width, or there are fewer than two rows.
    #[error("{values} values are not two or more rows of {width}")]
    Shape {
        /// Number of values.
        values: usize,
        /// Width of a row.
        width: usize,
    },
    /// A value is NaN or infinite.
    #[error("row {row} holds {value}")]
    NotFinite {
        /// Row.
        row: usize,
        /// The value.
        value: f32,
    },
    /// More components are asked for than the rows span.
    #[error("{components} components were asked for, the rows span {spanned}")]
    Components {
        /// What was asked for.
        components: usize,
        /// What there is.
        spanned: usize,
    },
    /// There is no pair of two rows.
    #[error("there is no pair to learn from")]
    NoPairs,
    /// A pair names a row that is not there, or the same row twice.
    #[error("pair {pair}: rows {first} and {second} of {rows}")]
    Pair {
        /// Number of the pair.
        pair: usize,
        /// Its first row.
        first: usize,
        /// Its second row.
        second: usize,
        /// Number of rows.
        rows: usize,
    },
    /// The shrinkage is not from 0 to 1.
    #[error("a shrinkage of {value} is not from 0 to 1")]
    Shrinkage {
        /// The value.
        value: f64,
    },
    /// The differences within pairs leave directions out, and nothing is shrunk.
    #[error("the pairs differ in {spanned} of {width} directions: shrink their covariance")]
    Singular {
        /// Directions in which they differ.
        spanned: usize,
        /// Directions that there are.
        width: usize,
    },
}

/// Eigenvalues below this share of the largest are rounding errors.
pub(super) const NOISE: f64 = 1e-10;

impl Whitening {
    /// Fits `components` principal components to features, row-major `[n, width]`.
    ///
    /// Time grows with `n * width^2 + 10 * width^3` in f64: seconds for a width of 1280.
    ///
    /// # Errors
    ///
    /// [`WhiteningError`].
    pub fn fit(
        features: &[f32],
        width: usize,
        components: usize,
        device: &Device,
    ) -> Result<Self, WhiteningError> {
        let mean = mean_of(features, width)?;
        let covariance = covariance(&centred(features, &mean), width);
        let none = WhiteningError::Components {
            components,
            spanned: 0,
        };
        let (values, vectors) = symmetric_eigen(covariance, width).ok_or(none)?;
        // No values span nothing.
        let largest = values.first().copied().unwrap_or(0.0);
        let spanned = values.iter().take_while(|&&v| v > NOISE * largest).count();
        if components == 0 || components > spanned {
            return Err(WhiteningError::Components {
                components,
                spanned,
            });
        }
        let mut weight = vec![0.0; width * components];
        let axes = vectors.chunks_exact(width).zip(&values).take(components);
        for (c, (axis, value)) in axes.enumerate() {
            let column = weight.iter_mut().skip(c).step_by(components);
            for (w, a) in column.zip(axis) {
                *w = (a / value.sqrt()) as f32;
            }
        }
        Ok(Self::from_parts(&mean, weight, device))
    }

    /// A whitening with this mean and this weight, `[width, components]`.
    pub(super) fn from_parts(mean: &[f64], weight: Vec<f32>, device: &Device) -> Self {
        let width = mean.len();
        let components = weight.len() / width;
        let mean = mean.iter().map(|&m| m as f32).collect();
        let fixed = |values: Vec<f32>, shape: [usize; 2]| {
            let tensor = Tensor::from_data(TensorData::new(values, shape), device);
            Param::from_tensor(tensor).set_require_grad(false)
        };
        Self {
            mean: fixed(mean, [1, width]),
            weight: fixed(weight, [width, components]),
        }
    }

    /// A whitening of these sizes without effect, to load a fitted one into.
    #[must_use]
    pub fn blank(width: usize, components: usize, device: &Device) -> Self {
        let zeros =
            |shape| Param::from_tensor(Tensor::zeros(shape, device)).set_require_grad(false);
        Self {
            mean: zeros([1, width]),
            weight: zeros([width, components]),
        }
    }

    /// Whitened features, each component of variance 1 over the features of the fit.
    pub(super) fn unscaled(&self, features: Tensor<2>) -> Tensor<2> {
        (features - self.mean.val()).matmul(self.weight.val())
    }

    /// Whitened features of length 1, `[batch, components]`, from features `[batch, width]`.
    ///
    /// # Panics
    ///
    /// Burn panics if the width differs from that of the fit.
    #[must_use]
    pub fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        unit(self.unscaled(features))
    }
}

/// The mean of two or more rows.
pub(super) fn mean_of(features: &[f32], width: usize) -> Result<Vec<f64>, WhiteningError> {
    let rows = features.len() / width.max(1);
    if width == 0 || rows < 2 || rows * width != features.len() {
        return Err(WhiteningError::Shape {
            values: features.len(),
            width,
        });
    }
    if let Some((i, &value)) = features.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        let row = i / width;
        return Err(WhiteningError::NotFinite { row, value });
    }
    let mut mean = vec![0.0; width];
    for row in features.chunks_exact(width) {
        for (m, &v) in mean.iter_mut().zip(row) {
            *m += f64::from(v) / rows as f64;
        }
    }
    Ok(mean)
}

/// Features less their mean.
pub(super) fn centred(features: &[f32], mean: &[f64]) -> Vec<f64> {
    let rows = features.chunks_exact(mean.len());
    let row = |row: &[f32]| -> Vec<f64> {
        let pairs = row.iter().zip(mean);
        pairs.map(|(&v, m)| f64::from(v) - m).collect()
    };
    rows.flat_map(row).collect()
}

/// The covariance `[width, width]` of centred rows.
pub(super) fn covariance(centred: &[f64], width: usize) -> Vec<f64> {
    let count = (centred.len() / width - 1) as f64;
    symmetric_product(centred, centred, width, count)
}

/// `a' b / divisor`, `[width, width]`, for rows whose product is symmetric.
pub(super) fn symmetric_product(a: &[f64], b: &[f64], width: usize, divisor: f64) -> Vec<f64> {
    let mut sums = vec![0.0; width * width];
    for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
        for (i, (a, sums)) in a.iter().zip(sums.chunks_exact_mut(width)).enumerate() {
            // The lower half; the upper one is the same.
            for (sum, b) in sums.iter_mut().zip(b).take(i + 1) {
                *sum += a * b;
            }
        }
    }
    for i in 0..width {
        for j in 0..=i {
            let value = sums[i * width + j] / divisor;
            sums[i * width + j] = value;
            sums[j * width + i] = value;
        }
    }
    sums
}
