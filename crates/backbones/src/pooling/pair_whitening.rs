//! Whitening learned from pairs of features of the same place.

use burn::tensor::Device;

use super::eigen::symmetric_eigen;
use super::whitening::{NOISE, centred, covariance, mean_of, symmetric_product};
use super::{Whitening, WhiteningError};

impl Whitening {
    /// Learns from pairs of rows that show the same place what to ignore: with `C` the mean of
    /// `(x - y)(x - y)'` over the pairs, features less their mean are multiplied by `C^(-1/2)`, so
    /// that pairs differ equally in all directions, then turned onto their `components` principal
    /// axes (Mikolajczyk and Matas, "Improving descriptors for fast tree matching by optimal linear
    /// projection", ICCV 2007; Radenović, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No
    /// Human Annotation", 2018, section 3.3). The axes are those of all rows; the paper takes those
    /// of pairs that do not match, which are nearly all pairs.
    ///
    /// `features` are row-major `[n, width]`. A `C` of few pairs is shrunk towards its mean
    /// eigenvalue `m` (Ledoit and Wolf 2004): `(1 - shrinkage) C + shrinkage m 1`. With a shrinkage of 1
    /// nothing is learned but the mean; below a few times `width` rows, 0.7 or more is a good start,
    /// to be chosen on places that are held out. With `components` = `width` nothing is cut off, and
    /// the axes, which cosines do not see, are left as they were.
    ///
    /// Time grows with `n * width^2 + 10 * width^3` in f64, twice that if components are cut off.
    ///
    /// # Errors
    ///
    /// [`WhiteningError`].
    pub fn fit_pairs(
        features: &[f32],
        width: usize,
        pairs: &[[usize; 2]],
        shrinkage: f64,
        components: usize,
        device: &Device,
    ) -> Result<Self, WhiteningError> {
        let mean = mean_of(features, width)?;
        if !(0.0..=1.0).contains(&shrinkage) {
            return Err(WhiteningError::Shrinkage { value: shrinkage });
        }
        if components == 0 || components > width {
            let spanned = width;
            return Err(WhiteningError::Components {
                components,
                spanned,
            });
        }
        let centred = centred(features, &mean);
        let within = within_pairs(&centred, width, pairs)?;
        let shrunk = shrink(within, width, shrinkage);
        let root = inverse_root(shrunk, width)?;
        if components == width {
            let weight = root.iter().map(|&v| v as f32).collect();
            return Ok(Self::from_parts(&mean, weight, device));
        }
        let white = rows_times_symmetric(&centred, &root, width);
        let none = WhiteningError::Components {
            components,
            spanned: 0,
        };
        let (_, axes) = symmetric_eigen(covariance(&white, width), width).ok_or(none)?;
        // Row c of the product is C^(-1/2) times axis c: a column of the weight.
        let columns = rows_times_symmetric(&axes[..components * width], &root, width);
        let mut weight = vec![0.0; width * components];
        for (c, column) in columns.chunks_exact(width).enumerate() {
            let slots = weight.iter_mut().skip(c).step_by(components);
            for (slot, &value) in slots.zip(column) {
                *slot = value as f32;
            }
        }
        Ok(Self::from_parts(&mean, weight, device))
    }
}

/// The mean of `(x - y)(x - y)'` over the pairs: `X' L X` with the Laplacian `L` of the graph whose
/// edges are the pairs, so that a pair costs `width` steps and not its square.
fn within_pairs(
    centred: &[f64],
    width: usize,
    pairs: &[[usize; 2]],
) -> Result<Vec<f64>, WhiteningError> {
    let rows = centred.len() / width;
    if pairs.is_empty() {
        return Err(WhiteningError::NoPairs);
    }
    let mut edges = vec![0.0; centred.len()];
    for (pair, &[first, second]) in pairs.iter().enumerate() {
        if first >= rows || second >= rows || first == second {
            return Err(WhiteningError::Pair {
                pair,
                first,
                second,
                rows,
            });
        }
        for c in 0..width {
            let difference = centred[first * width + c] - centred[second * width + c];
            edges[first * width + c] += difference;
            edges[second * width + c] -= difference;
        }
    }
    Ok(symmetric_product(
        centred,
        &edges,
        width,
        pairs.len() as f64,
    ))
}

/// The matrix nearer to a multiple of 1 with the same trace.
fn shrink(mut matrix: Vec<f64>, width: usize, shrinkage: f64) -> Vec<f64> {
    let diagonal = matrix.iter().step_by(width + 1);
    let mean = diagonal.sum::<f64>() / width as f64;
    for value in &mut matrix {
        *value *= 1.0 - shrinkage;
    }
    for value in matrix.iter_mut().step_by(width + 1) {
        *value += shrinkage * mean;
    }
    matrix
}

/// The inverse of the symmetric square root.
fn inverse_root(matrix: Vec<f64>, width: usize) -> Result<Vec<f64>, WhiteningError> {
    let singular = |spanned| WhiteningError::Singular { spanned, width };
    let (values, mut axes) = symmetric_eigen(matrix, width).ok_or(singular(0))?;
    // No values span nothing.
    let largest = values.first().copied().unwrap_or(0.0);
    let spanned = values.iter().take_while(|&&v| v > NOISE * largest).count();
    if spanned < width {
        return Err(singular(spanned));
    }
    for (axis, value) in axes.chunks_exact_mut(width).zip(&values) {
        let scale = value.powf(-0.25);
        for a in axis {
            *a *= scale;
        }
    }
    Ok(symmetric_product(&axes, &axes, width, 1.0))
}

/// Rows `[n, width]` times a symmetric matrix.
fn rows_times_symmetric(rows: &[f64], matrix: &[f64], width: usize) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    rows.chunks_exact(width)
        .flat_map(|row| matrix.chunks_exact(width).map(move |axis| dot(row, axis)))
        .collect()
}
