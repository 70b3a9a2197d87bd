use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{CellLogits, Loss, TargetEncoder, TargetError};
use geoloc_geo_cells::{AdaptivePartition, LatLng, Level, PartitionBuilder};

use super::*;
use crate::gradient_check::{check_gradient, f64s, numbers};

#[test]
fn equals_the_definition() {
    let device = Device::flex();
    let logits = [[2.0f32, -1.0, 0.5], [0.0, 0.0, 3.0]];
    let output = CellLogits(Tensor::from_data(
        TensorData::new(logits.concat(), [2, 3]),
        &device,
    ));
    let classes = Tensor::from_data(TensorData::new(vec![0i64, 1], [2]), &device);
    let log_sum = |row: [f32; 3]| row.iter().map(|&l| f64::from(l).exp()).sum::<f64>().ln();
    let expected = f64::midpoint(log_sum(logits[0]) - 2.0, log_sum(logits[1]) - 0.0);
    let loss = CrossEntropy::default().forward(&output, &classes);
    assert!((f64::from(loss.into_scalar::<f32>()) - expected).abs() < 1e-6);

    // With smoothing e, the target is (1 - e) on the class plus e / 3 on every cell.
    let mean_logit = |row: [f32; 3]| f64::from(row.iter().sum::<f32>()) / 3.0;
    let smooth = |row: [f32; 3], own: f64| log_sum(row) - 0.7 * own - 0.3 * mean_logit(row);
    let expected = f64::midpoint(smooth(logits[0], 2.0), smooth(logits[1], 0.0));
    let loss = CrossEntropy {
        label_smoothing: 0.3,
    }
    .forward(&output, &classes);
    assert!((f64::from(loss.into_scalar::<f32>()) - expected).abs() < 1e-6);
}

#[test]
fn classes_are_the_cells_of_the_partition() {
    let at = |lat, lng| LatLng::new(lat, lng).unwrap();
    let training = [
        at(48.9, 2.3),
        at(48.8, 2.4),
        at(-33.9, 151.2),
        at(-33.8, 151.1),
    ];
    let builder = AdaptivePartition {
        split_above: 2,
        drop_below: 1,
        min_level: Level::new(4).unwrap(),
        ..AdaptivePartition::default()
    };
    let partition = Arc::new(builder.build(&training).unwrap().0);
    let targets = CellClasses::new(partition.clone());
    let device = Device::flex();
    let classes = targets.encode(&training, &device).unwrap();
    let classes = classes.try_into_vec_as::<i64>().unwrap();
    for (place, class) in training.iter().zip(classes) {
        assert_eq!(partition.index_of(*place), Some(class as usize));
    }
    let nowhere = at(0.0, -90.0);
    match targets.encode(&[training[0], nowhere], &device) {
        Err(TargetError::OutsidePartition { index: 1, location }) => assert_eq!(location, nowhere),
        other => panic!("{other:?}"),
    }
}

#[test]
fn gradients_equal_differences_in_f64_with_and_without_smoothing() {
    let logits: Vec<f64> = numbers(15, 91).iter().map(|x| 3.0 * x).collect();
    for label_smoothing in [0.0, 0.1, 0.6] {
        let loss = CrossEntropy { label_smoothing };
        check_gradient(&logits, [3, 5], |x| {
            let classes = TensorData::new(vec![4i64, 0, 2], [3]);
            let classes = Tensor::from_data(classes, &x.device());
            loss.forward(&CellLogits(x), &classes)
        });
        // Through cosines and a scale too.
        check_gradient(&numbers(15, 92), [3, 5], |cosine| {
            let device = cosine.device();
            let classes = Tensor::from_data(TensorData::new(vec![1i64, 3, 3], [3]), &device);
            let scale = f64s(&[7.0], [1], &device);
            loss.forward(&CosineLogits { cosine, scale }, &classes)
        });
    }
}
