use geoloc_geo_cells::{
    AdaptivePartition, GeoclassSetConfig, NestedPartition, Partition, PartitionBuilder,
};

use super::*;
use crate::gradient_check::{check_gradient, f64s, numbers, value};

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

fn photos() -> Vec<LatLng> {
    (0..300)
        .map(|k| {
            let t = f64::from(k);
            at(60.0 * (0.37 * t).sin(), 170.0 * (0.113 * t).sin())
        })
        .collect()
}

fn hierarchy() -> Arc<Hierarchy> {
    let config = NestedPartition {
        split_above: vec![40, 10],
        drop_below: 1,
        ..NestedPartition::default()
    };
    Arc::new(config.build(&photos()).unwrap().0)
}

fn log_softmax_of(row: &[f64]) -> Vec<f64> {
    let sum = row.iter().map(|x| x.exp()).sum::<f64>().ln();
    row.iter().map(|x| x - sum).collect()
}

#[test]
fn the_sum_over_levels_equals_the_definition() {
    let hierarchy = hierarchy();
    let device = Device::flex();
    let truth = &photos()[..3];
    let target = HierarchyClasses {
        hierarchy: hierarchy.clone(),
    }
    .encode(truth, &device)
    .unwrap();
    let sizes: Vec<usize> = hierarchy.partitions().map(Partition::len).collect();
    let logits: Vec<Vec<f64>> = sizes.iter().map(|n| numbers(3 * n, *n as u64)).collect();
    let mut expected = 0.0;
    for (i, place) in truth.iter().enumerate() {
        for (level, class) in hierarchy.indices_of(*place).into_iter().enumerate() {
            let n = sizes[level];
            let row = log_softmax_of(&logits[level][i * n..(i + 1) * n]);
            expected -= [0.5, 1.0][level] * row[class.unwrap()] / 3.0;
        }
    }
    let loss = SummedCrossEntropy { weights: vec![0.5] };
    let output = |first: Tensor<2>| {
        let second = f64s(&logits[1], [3, sizes[1]], &first.device());
        HierarchicalLogits(vec![first, second])
    };
    let found = loss.forward(&output(f64s(&logits[0], [3, sizes[0]], &device)), &target);
    assert!((value(found) - expected).abs() < 1e-10);
    let classes = target.into_data();
    check_gradient(&logits[0], [3, sizes[0]], |x| {
        let target = Tensor::from_data(classes.clone(), &x.device());
        loss.forward(&output(x), &target)
    });
}

#[test]
fn geoclass_targets_are_the_classes_of_the_sets() {
    let cells = AdaptivePartition {
        split_above: 8,
        drop_below: 1,
        ..AdaptivePartition::default()
    };
    let base = cells.build(&photos()).unwrap().0;
    let configs = [(10, 0.0), (14, 1.0)].map(|(classes, node_cells)| GeoclassSetConfig {
        classes,
        node_cells,
        ..GeoclassSetConfig::default()
    });
    let sets = Arc::new(GeoclassSets::build(base, &configs, &[]).unwrap());
    let device = Device::flex();
    let truth = &photos()[..2];
    let encoder = GeoclassTargets { sets: sets.clone() };
    let target = encoder.encode(truth, &device).unwrap();
    let values = target.clone().try_into_vec_as::<i64>().unwrap();
    for (row, place) in values.chunks(2).zip(truth) {
        for (s, class) in row.iter().enumerate() {
            assert_eq!(sets.set(s).unwrap().index_of(*place), Some(*class as usize));
        }
    }
    let logits = [numbers(20, 1), numbers(28, 2)];
    let output = GeoclassLogits(vec![
        f64s(&logits[0], [2, 10], &device),
        f64s(&logits[1], [2, 14], &device),
    ]);
    let mut expected = 0.0;
    for i in 0..2 {
        for (s, n) in [10, 14].into_iter().enumerate() {
            let row = log_softmax_of(&logits[s][i * n..(i + 1) * n]);
            expected -= row[values[2 * i + s] as usize] / 2.0;
        }
    }
    let found = SummedCrossEntropy::default().forward(&output, &target);
    assert!((value(found) - expected).abs() < 1e-10);
    let nowhere = [(-85.0, 60.0)].map(|(a, b)| at(a, b));
    assert!(encoder.encode(&nowhere, &device).is_err());
}

#[test]
fn probabilities_summed_to_ancestors_equal_the_definition() {
    let hierarchy = hierarchy();
    let device = Device::flex();
    let truth = &photos()[..2];
    let target = AncestorMembers {
        hierarchy: hierarchy.clone(),
    }
    .encode(truth, &device)
    .unwrap();
    let n = hierarchy.finest().len();
    let logits = numbers(2 * n, 3);
    let mut expected = 0.0;
    for (i, place) in truth.iter().enumerate() {
        let row = log_softmax_of(&logits[i * n..(i + 1) * n]);
        for (level, partition) in hierarchy.partitions().enumerate() {
            let class = partition.index_of(*place).unwrap() as u32;
            let ancestors = hierarchy.ancestors(level).unwrap();
            let p: f64 = (0..n)
                .filter(|&leaf| ancestors[leaf] == class)
                .map(|leaf| row[leaf].exp())
                .sum();
            expected -= p.ln() / 4.0;
        }
    }
    let members = target.into_data();
    let loss = |x: Tensor<2>| {
        let target = Tensor::from_data(members.clone(), &x.device());
        AncestorCrossEntropy.forward(&CellLogits(x), &target)
    };
    assert!((value(loss(f64s(&logits, [2, n], &device))) - expected).abs() < 1e-10);
    check_gradient(&logits, [2, n], loss);
}
