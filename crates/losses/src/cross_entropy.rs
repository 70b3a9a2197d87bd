//! Cross-entropy over the cells of a partition.

use std::sync::Arc;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use geoloc_core::{CellLogits, CosineLogits, Loss, TargetEncoder, TargetError};
use geoloc_geo_cells::{LatLng, Partition};

/// The cell of each place as a class, `[batch]`.
#[derive(Clone, Debug)]
pub struct CellClasses {
    partition: Arc<Partition>,
}

impl CellClasses {
    /// Classes are the cells of `partition`, in its order.
    #[must_use]
    pub fn new(partition: Arc<Partition>) -> Self {
        Self { partition }
    }
}

impl TargetEncoder for CellClasses {
    type Target = Tensor<1, Int>;

    /// # Errors
    ///
    /// [`TargetError::OutsidePartition`] for a place in no cell: drop such photos from the
    /// training set, as `PlaNet` does.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<Self::Target, TargetError> {
        let classes = truth
            .iter()
            .enumerate()
            .map(|(index, &location)| {
                self.partition
                    .index_of(location)
                    .map(|class| class as i64)
                    .ok_or(TargetError::OutsidePartition { index, location })
            })
            .collect::<Result<Vec<i64>, _>>()?;
        let n = classes.len();
        Ok(Tensor::from_data(TensorData::new(classes, [n]), device))
    }
}

/// Softmax cross-entropy against one right cell, as `PlaNet` (Weyand et al. 2016).
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct CrossEntropy {
    /// Probability mass spread evenly over all cells, in [0, 1).
    pub label_smoothing: f32,
}

impl Loss<CellLogits> for CrossEntropy {
    type Target = Tensor<1, Int>;

    fn forward(&self, output: &CellLogits, target: &Self::Target) -> Tensor<1> {
        // Burn's own loss makes its smoothed targets in f32, whatever the logits are.
        let log_p = log_softmax(output.0.clone(), 1);
        let own = log_p
            .clone()
            .gather(1, target.clone().unsqueeze_dim::<2>(1));
        let own = own.mean().neg();
        if self.label_smoothing <= 0.0 {
            return own;
        }
        let smoothing = f64::from(self.label_smoothing);
        own * (1.0 - smoothing) - log_p.mean() * smoothing
    }
}

impl Loss<CosineLogits> for CrossEntropy {
    type Target = Tensor<1, Int>;

    fn forward(&self, output: &CosineLogits, target: &Self::Target) -> Tensor<1> {
        self.forward(&output.logits(), target)
    }
}

#[cfg(test)]
#[path = "cross_entropy_tests.rs"]
mod tests;
