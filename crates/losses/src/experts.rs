//! Loss of scene experts.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};
use geoloc_core::{CellLogits, Loss, SceneExperts};

use crate::log_sum_exp::{class_mask, nll};

/// The right cell and the scene of each photo. Scenes come with the photos (from a scene classifier
/// or labels); they cannot be told from the places.
#[derive(Clone, Debug)]
pub struct SceneCells {
    /// `[batch]`.
    pub cells: Tensor<1, Int>,
    /// `[batch]`.
    pub scenes: Tensor<1, Int>,
}

/// Cross-entropy of the expert of the true scene, so that each expert sees photos of its own scene
/// alone, as ISN (Müller-Budack et al. 2018) trains them, plus `scene_weight` times the
/// cross-entropy of the scene.
///
/// Experts of scenes that are not in the batch get a gradient of zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SceneExpertsLoss {
    /// Weight of the scene task.
    pub scene_weight: f64,
}

impl Default for SceneExpertsLoss {
    fn default() -> Self {
        Self { scene_weight: 1.0 }
    }
}

impl Loss<SceneExperts<CellLogits>> for SceneExpertsLoss {
    type Target = SceneCells;

    fn forward(&self, output: &SceneExperts<CellLogits>, target: &SceneCells) -> Tensor<1> {
        let cells = target.cells.clone().unsqueeze_dim::<2>(1);
        let columns: Vec<Tensor<2>> = output
            .experts
            .iter()
            .map(|expert| log_softmax(expert.0.clone(), 1).gather(1, cells.clone()))
            .collect();
        let scenes = columns.len();
        let other = class_mask(target.scenes.clone(), scenes).bool_not();
        let own = Tensor::cat(columns, 1).mask_fill(other, 0.0).sum_dim(1);
        let scene = nll(output.scenes.0.clone(), target.scenes.clone()).mean();
        own.mean().neg() + scene * self.scene_weight
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::gradient_check::{check_gradient, f64s, numbers, value};

    #[test]
    fn equals_the_definition_and_so_do_gradients() {
        let scenes = numbers(6, 81);
        let experts = [numbers(9, 82), numbers(9, 83)];
        let (cell, scene) = ([2usize, 0, 1], [1usize, 0, 1]);
        let log_p = |row: &[f64], k: usize| row[k] - row.iter().map(|l| l.exp()).sum::<f64>().ln();
        let expected: f64 = (0..3)
            .map(|i| {
                let own = log_p(&experts[scene[i]][3 * i..3 * i + 3], cell[i]);
                -(own + 0.7 * log_p(&scenes[2 * i..2 * i + 2], scene[i])) / 3.0
            })
            .sum();
        let loss = |s: Tensor<2>, first: Tensor<2>| {
            let device = s.device();
            let ints = |v: [usize; 3]| {
                let v = v.map(|x| x as i64).to_vec();
                Tensor::<1, Int>::from_data(TensorData::new(v, [3]), &device)
            };
            let target = SceneCells {
                cells: ints(cell),
                scenes: ints(scene),
            };
            let second = f64s(&experts[1], [3, 3], &device);
            let output = SceneExperts {
                scenes: CellLogits(s),
                experts: vec![CellLogits(first), CellLogits(second)],
            };
            SceneExpertsLoss { scene_weight: 0.7 }.forward(&output, &target)
        };
        let device = Device::flex();
        let found = value(loss(
            f64s(&scenes, [3, 2], &device),
            f64s(&experts[0], [3, 3], &device),
        ));
        assert!((found - expected).abs() < 1e-12);
        check_gradient(&scenes, [3, 2], |s| {
            let first = f64s(&experts[0], [3, 3], &s.device());
            loss(s, first)
        });
        check_gradient(&experts[0], [3, 3], |first| {
            let s = f64s(&scenes, [3, 2], &first.device());
            loss(s, first)
        });
    }
}
