//! Symmetric InfoNCE over pairs.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use geoloc_core::{Loss, PairEmbeddings, TargetEncoder, TargetError};
use geoloc_geo_cells::{LatLng, haversine_km};

/// Which pairs of a batch are neither positive nor negative.
#[derive(Clone, Debug)]
pub struct PairMask {
    /// `[batch, batch]`, true where query `i` and aerial tile `j` are left out; `None` if nothing
    /// is. The diagonal is never true.
    pub ignore: Option<Tensor<2, Bool>>,
}

/// Leaves out negatives that are nearer than a radius: two tiles that overlap show the same place
/// (the minimum-distance mask of Fervers et al. 2024).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairMasks {
    /// Negatives nearer than this are ignored, in km; 0 ignores none.
    pub radius_km: f64,
}

impl PairMasks {
    /// The mask of a batch of places, `[batch, batch]`.
    #[must_use]
    pub fn mask(&self, truth: &[LatLng], device: &Device) -> PairMask {
        // Nothing is nearer than 0: no distance is needed.
        if self.radius_km <= 0.0 {
            return PairMask { ignore: None };
        }
        let n = truth.len();
        let mut ignore = Vec::with_capacity(n * n);
        for (i, &a) in truth.iter().enumerate() {
            for (j, &b) in truth.iter().enumerate() {
                ignore.push(i != j && haversine_km(a, b) < self.radius_km);
            }
        }
        if !ignore.contains(&true) {
            return PairMask { ignore: None };
        }
        let ignore = Tensor::from_data(TensorData::new(ignore, [n, n]), device);
        PairMask {
            ignore: Some(ignore),
        }
    }
}

impl TargetEncoder for PairMasks {
    type Target = PairMask;

    /// Never fails.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<PairMask, TargetError> {
        Ok(self.mask(truth, device))
    }
}

/// Symmetric InfoNCE (van den Oord et al. 2018; both directions as in Radford et al. 2021): with
/// logits `s·q aᵀ`, half the cross-entropy of the rows plus half that of the columns, the diagonal
/// being the right answers.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct InfoNce {
    /// Probability mass spread evenly over the pairs of the row or column that are not ignored, in
    /// [0, 1).
    pub label_smoothing: f64,
}

impl Loss<PairEmbeddings> for InfoNce {
    type Target = PairMask;

    fn forward(&self, output: &PairEmbeddings, target: &PairMask) -> Tensor<1> {
        let scale = output.scale.clone().unsqueeze::<2>();
        let cosine = output
            .query
            .clone()
            .matmul(output.aerial.clone().transpose());
        let mut logits = cosine * scale;
        if let Some(ignore) = &target.ignore {
            logits = logits.mask_fill(ignore.clone(), MASKED);
        }
        let rows = self.cross_entropy(logits.clone(), target);
        let columns = self.cross_entropy(logits.transpose(), target);
        (rows + columns) / 2.0
    }
}

/// Far below any logit, and still harmless in half precision.
const MASKED: f32 = -1.0e4;

impl InfoNce {
    /// Cross-entropy of the rows of `logits` against their diagonal.
    fn cross_entropy(self, logits: Tensor<2>, target: &PairMask) -> Tensor<1> {
        let [n, _] = logits.dims();
        let device = logits.device();
        let log_p = log_softmax(logits, 1);
        let diagonal = Tensor::<1, Int>::arange(0..n as i64, &device).unsqueeze_dim::<2>(1);
        let own = log_p.clone().gather(1, diagonal).mean().neg();
        if self.label_smoothing <= 0.0 {
            return own;
        }
        // Ignored pairs take no part in the smoothing either; the mask of rows and of columns is
        // the same because the distance is symmetric. The diagonal is always kept.
        let spread = match &target.ignore {
            Some(ignore) => {
                let count = log_p.ones_like().mask_fill(ignore.clone(), 0.0).sum_dim(1);
                log_p.mask_fill(ignore.clone(), 0.0).sum_dim(1) / count
            }
            None => log_p.mean_dim(1),
        };
        let spread = spread.mean().neg();
        own * (1.0 - self.label_smoothing) + spread * self.label_smoothing
    }
}

#[cfg(test)]
#[path = "info_nce_tests.rs"]
mod tests;
