//! Cell and offset at once.

use burn::tensor::{Device, Int, Tensor, TensorData};
use geoloc_core::{CellFrames, CellOffsets, Loss, TargetEncoder, TargetError};
use geoloc_geo_cells::LatLng;

use crate::log_sum_exp::nll;

/// The right cell and where in it the place lies.
#[derive(Clone, Debug)]
pub struct CellWithOffset {
    /// `[batch]`.
    pub classes: Tensor<1, Int>,
    /// East and north in units of the reach of the cell, `[batch, 2]`.
    pub offsets: Tensor<2>,
}

/// Encodes places as [`CellWithOffset`].
#[derive(Clone, Debug)]
pub struct CellsWithOffsets {
    /// The frames that the decoder uses too.
    pub frames: CellFrames,
}

impl TargetEncoder for CellsWithOffsets {
    type Target = CellWithOffset;

    /// # Errors
    ///
    /// [`TargetError::OutsidePartition`] for a place in no cell.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<CellWithOffset, TargetError> {
        let (mut classes, mut offsets) = (Vec::new(), Vec::new());
        for (index, &location) in truth.iter().enumerate() {
            let outside = || TargetError::OutsidePartition { index, location };
            let class = self
                .frames
                .partition()
                .index_of(location)
                .ok_or_else(outside)?;
            let offset = self.frames.offset(class, location).ok_or_else(outside)?;
            classes.push(class as i64);
            offsets.extend(offset.map(|x| x as f32));
        }
        let n = truth.len();
        Ok(CellWithOffset {
            classes: Tensor::from_data(TensorData::new(classes, [n]), device),
            offsets: Tensor::from_data(TensorData::new(offsets, [n, 2]), device),
        })
    }
}

/// Cross-entropy plus the squared error of the offset of the right cell, the hybrid of OSV-5M
/// (Astruc et al. 2024); offsets of other cells get no gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellOffsetLoss {
    /// Weight of the squared error, summed over east and north.
    pub offset_weight: f64,
}

impl Default for CellOffsetLoss {
    fn default() -> Self {
        Self { offset_weight: 1.0 }
    }
}

impl Loss<CellOffsets> for CellOffsetLoss {
    type Target = CellWithOffset;

    fn forward(&self, output: &CellOffsets, target: &CellWithOffset) -> Tensor<1> {
        let [batch, _, _] = output.offsets.dims();
        let index = target
            .classes
            .clone()
            .reshape([batch, 1, 1])
            .repeat_dim(2, 2);
        let own = output.offsets.clone().gather(1, index).reshape([batch, 2]);
        let squared = (own - target.offsets.clone()).square().sum_dim(1);
        let entropy = nll(output.logits.clone(), target.classes.clone()).mean();
        entropy + squared.mean() * self.offset_weight
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use geoloc_geo_cells::{NamedPlaces, PartitionBuilder};

    use super::*;
    use crate::gradient_check::{check_gradient, f64s, numbers, value};

    #[test]
    fn targets_are_cells_and_offsets_across_the_antimeridian() {
        let at = |lat, lng| LatLng::new(lat, lng).unwrap();
        let places = vec![("a".into(), at(-17.0, 179.9)), ("b".into(), at(40.0, 3.0))];
        let photo = at(-17.0, -179.9);
        let partition = NamedPlaces::new(places).build(&[]).unwrap().0;
        let frames = CellFrames::new(Arc::new(partition), 50.0);
        let encoder = CellsWithOffsets { frames };
        let target = encoder.encode(&[photo], &Device::flex()).unwrap();
        assert_eq!(target.classes.try_into_vec_as::<i64>().unwrap(), [0]);
        let offset = target.offsets.try_into_vec_as::<f32>().unwrap();
        // 0.2 degrees east at 17 degrees south: 21.27 km of 50.
        assert!(
            (offset[0] - 0.4253).abs() < 1e-3 && offset[1].abs() < 1e-3,
            "{offset:?}"
        );
    }

    #[test]
    fn the_loss_equals_the_definition_and_so_do_gradients() {
        let (logits, offsets) = (numbers(6, 1), numbers(12, 2));
        let (classes, truth) = ([2usize, 0], numbers(4, 3));
        let mut expected = 0.0;
        for i in 0..2 {
            let row = &logits[3 * i..3 * i + 3];
            let own = &offsets[6 * i + 2 * classes[i]..6 * i + 2 * classes[i] + 2];
            let log_sum = row.iter().map(|x| x.exp()).sum::<f64>().ln();
            let squared: f64 = (0..2).map(|k| (own[k] - truth[2 * i + k]).powi(2)).sum();
            expected += 0.5 * (log_sum - row[classes[i]] + 0.7 * squared);
        }
        let loss = |logits: Tensor<2>, offsets: Tensor<3>| {
            let device = logits.device();
            let target = CellWithOffset {
                classes: Tensor::from_data(TensorData::new(vec![2i64, 0], [2]), &device),
                offsets: f64s(&truth, [2, 2], &device),
            };
            CellOffsetLoss { offset_weight: 0.7 }.forward(&CellOffsets { logits, offsets }, &target)
        };
        let device = Device::flex();
        let found = loss(
            f64s(&logits, [2, 3], &device),
            f64s(&offsets, [2, 3, 2], &device),
        );
        assert!((value(found) - expected).abs() < 1e-10);
        check_gradient(&logits, [2, 3], |x| {
            let o = f64s(&offsets, [2, 3, 2], &x.device());
            loss(x, o)
        });
        check_gradient(&offsets, [2, 3, 2], |x| {
            let l = f64s(&logits, [2, 3], &x.device());
            loss(l, x)
        });
    }
}
