//! Cross-entropy over several partitions at once.

use std::sync::Arc;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use geoloc_core::{
    CellLogits, GeoclassLogits, HierarchicalLogits, Loss, TargetEncoder, TargetError,
};
use geoloc_geo_cells::{GeoclassSets, Hierarchy, LatLng};

use crate::log_sum_exp::{EXCLUDED, log_sum_exp, nll};

/// The cell of each place at each level, coarsest first, `[batch, levels]`.
#[derive(Clone, Debug)]
pub struct HierarchyClasses {
    /// The nested partitions.
    pub hierarchy: Arc<Hierarchy>,
}

impl TargetEncoder for HierarchyClasses {
    type Target = Tensor<2, Int>;

    /// # Errors
    ///
    /// [`TargetError::OutsidePartition`] for a place that lies in no cell of some level.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<Self::Target, TargetError> {
        classes(truth, self.hierarchy.depth(), device, |place| {
            self.hierarchy
                .indices_of(place)
                .into_iter()
                .map(|class| class.map(|c| c as i64))
                .collect()
        })
    }
}

/// The class of each place in each geoclass set, `[batch, sets]`.
#[derive(Clone, Debug)]
pub struct GeoclassTargets {
    /// The sets.
    pub sets: Arc<GeoclassSets>,
}

impl TargetEncoder for GeoclassTargets {
    type Target = Tensor<2, Int>;

    /// # Errors
    ///
    /// [`TargetError::OutsidePartition`] for a place that lies in no base cell.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<Self::Target, TargetError> {
        classes(truth, self.sets.set_count(), device, |place| {
            let tuple = self.sets.indices_of(place)?;
            Some(tuple.iter().map(|&c| i64::from(c)).collect())
        })
    }
}

fn classes(
    truth: &[LatLng],
    width: usize,
    device: &Device,
    of: impl Fn(LatLng) -> Option<Vec<i64>>,
) -> Result<Tensor<2, Int>, TargetError> {
    let mut values = Vec::with_capacity(truth.len() * width);
    for (index, &location) in truth.iter().enumerate() {
        values.extend(of(location).ok_or(TargetError::OutsidePartition { index, location })?);
    }
    let shape = [truth.len(), width];
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}

/// The weighted sum of the cross-entropies of all levels or all sets: levels as in
/// Müller-Budack et al. (2018), sets as in `CPlaNet` (Seo et al. 2018), both with equal weights.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SummedCrossEntropy {
    /// One weight a level, coarsest first, or a set; those that are missing are 1.
    /// `TransLocator` (Pramanick et al. 2022) takes 0.5, 0.3 and 0.2.
    pub weights: Vec<f64>,
}

impl SummedCrossEntropy {
    fn sum(&self, outputs: &[Tensor<2>], target: &Tensor<2, Int>) -> Tensor<1> {
        let terms: Vec<Tensor<1>> = outputs
            .iter()
            .enumerate()
            .map(|(level, logits)| {
                let classes: Tensor<1, Int> = target.clone().narrow(1, level, 1).squeeze_dim(1);
                // Weights that are missing are 1, as the field says.
                let weight = self.weights.get(level).copied().unwrap_or(1.0);
                nll(logits.clone(), classes).mean() * weight
            })
            .collect();
        Tensor::cat(terms, 0).sum()
    }
}

impl Loss<HierarchicalLogits> for SummedCrossEntropy {
    type Target = Tensor<2, Int>;

    fn forward(&self, output: &HierarchicalLogits, target: &Self::Target) -> Tensor<1> {
        self.sum(&output.0, target)
    }
}

impl Loss<GeoclassLogits> for SummedCrossEntropy {
    type Target = Tensor<2, Int>;

    fn forward(&self, output: &GeoclassLogits, target: &Self::Target) -> Tensor<1> {
        self.sum(&output.0, target)
    }
}

/// For each place and each level the finest cells that its cell of that level contains,
/// `[batch, levels, cells]`.
#[derive(Clone, Debug)]
pub struct AncestorMembers {
    /// The nested partitions; the model classifies over the finest.
    pub hierarchy: Arc<Hierarchy>,
}

impl TargetEncoder for AncestorMembers {
    type Target = Tensor<3, Bool>;

    /// # Errors
    ///
    /// [`TargetError::OutsidePartition`] for a place that lies in no cell of some level.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<Self::Target, TargetError> {
        let (depth, cells) = (self.hierarchy.depth(), self.hierarchy.finest().len());
        let mut values = Vec::with_capacity(truth.len() * depth * cells);
        for (index, &location) in truth.iter().enumerate() {
            for (level, class) in self.hierarchy.indices_of(location).into_iter().enumerate() {
                let outside = TargetError::OutsidePartition { index, location };
                let class = class.ok_or(outside)? as u32;
                let ancestors = self.hierarchy.ancestors(level).unwrap_or_default();
                values.extend(ancestors.iter().map(|&a| a == class));
            }
        }
        let shape = [truth.len(), depth, cells];
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }
}

/// Hierarchical cross-entropy of OSV-5M (Astruc et al. 2024): one classifier over the finest
/// cells, whose probabilities are summed to each ancestor of the right cell; the mean over levels
/// of `-ln P(ancestor)`. Sums are taken in log space, without the `1e-10` of the published code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AncestorCrossEntropy;

impl Loss<CellLogits> for AncestorCrossEntropy {
    type Target = Tensor<3, Bool>;

    fn forward(&self, output: &CellLogits, target: &Self::Target) -> Tensor<1> {
        let [batch, levels, cells] = target.dims();
        let log_p = log_softmax(output.0.clone(), 1).unsqueeze_dim::<3>(1);
        let log_p = log_p.repeat_dim(1, levels).reshape([batch * levels, cells]);
        let outside = target.clone().bool_not().reshape([batch * levels, cells]);
        log_sum_exp(log_p.mask_fill(outside, EXCLUDED), 1)
            .mean()
            .neg()
    }
}

#[cfg(test)]
#[path = "hierarchical_tests.rs"]
mod tests;
