use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{
    DecodeError, Decoder, FeatureSpec, Features, HeadConfig, HierarchicalLogits, contract,
};
use geoloc_geo_cells::{Hierarchy, LatLng, NestedPartition, Partition};

use super::*;

fn hierarchy() -> Arc<Hierarchy> {
    let photos: Vec<LatLng> = (0..300)
        .map(|k| {
            let t = f64::from(k);
            LatLng::new(60.0 * (0.37 * t).sin(), 170.0 * (0.113 * t).sin()).unwrap()
        })
        .collect();
    let config = NestedPartition {
        split_above: vec![100, 40],
        drop_below: 1,
        ..NestedPartition::default()
    };
    Arc::new(config.build(&photos).unwrap().0)
}

fn rows(values: Vec<f32>, width: usize) -> Tensor<2> {
    let shape = [values.len() / width, width];
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn numbers(n: usize, step: f32) -> Vec<f32> {
    (0..n)
        .map(|k| 2.0 * (k as f32 * step + 0.3).sin())
        .collect()
}

#[test]
fn meets_the_contract_of_heads() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(5);
    let config = HierarchicalHeadConfig {
        cells: vec![3, 7],
        dropout: 0.2,
    };
    let head = config.init(&spec, &device).unwrap();
    let features = Features::pooled(Tensor::ones([3, 5], &device));
    contract::check_head(&head, features, |HierarchicalLogits(l)| l).unwrap();
    contract::check_round_trip(head, config.init(&spec, &device).unwrap()).unwrap();
    for cells in [vec![], vec![3, 0]] {
        let bad = HierarchicalHeadConfig {
            cells,
            dropout: 0.0,
        };
        assert!(bad.init(&spec, &device).is_err());
    }
}

#[test]
fn f_star_is_the_product_along_ancestors() {
    let hierarchy = hierarchy();
    let sizes: Vec<usize> = hierarchy.partitions().map(Partition::len).collect();
    let (coarse, fine) = (numbers(sizes[0], 1.7), numbers(sizes[1], 0.9));
    let softmax = |row: &[f32]| {
        let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
        row.iter()
            .map(|&x| f64::from(x).exp() / sum)
            .collect::<Vec<_>>()
    };
    let (p, q) = (softmax(&coarse), softmax(&fine));
    let parents = hierarchy.ancestors(0).unwrap();
    let product: Vec<f64> = (0..sizes[1])
        .map(|c| q[c] * p[parents[c] as usize])
        .collect();
    let best = (0..sizes[1])
        .max_by(|&a, &b| product[a].total_cmp(&product[b]))
        .unwrap();
    let argmax = (0..sizes[1])
        .max_by(|&a, &b| q[a].total_cmp(&q[b]))
        .unwrap();
    // The example is one where the levels disagree.
    assert_ne!(best, argmax);

    let output = || {
        HierarchicalLogits(vec![
            rows(coarse.clone(), sizes[0]),
            rows(fine.clone(), sizes[1]),
        ])
    };
    let decoder = HierarchicalDecoder::new(hierarchy.clone(), 3);
    let answer = decoder.decode(output()).unwrap().remove(0).unwrap();
    assert_eq!(answer.location, hierarchy.finest().location(best).unwrap());
    let expected = product[best] / product.iter().sum::<f64>();
    assert!((answer.candidates[0].probability - expected).abs() < 1e-6);

    // A temperature takes the root of the product.
    let flat = decoder.clone().with_temperature(2.0).unwrap();
    let flat = flat.decode(output()).unwrap().remove(0).unwrap();
    let expected = product[best].sqrt() / product.iter().map(|p| p.sqrt()).sum::<f64>();
    assert_eq!(flat.location, answer.location);
    assert!((flat.probability.unwrap() - expected).abs() < 1e-6);
    let joint = decoder.joint_logits(output()).unwrap().remove(0).unwrap();
    for (score, p) in joint.iter().zip(&product) {
        assert!((score - p.ln()).abs() < 1e-5);
    }
    for exponents in [&[1.0, 1.0, 1.0][..], &[f64::NAN]] {
        assert!(decoder.clone().with_exponents(exponents).is_err());
    }
    assert!(decoder.clone().with_temperature(0.0).is_err());

    let finest = decoder
        .with_exponents(&[0.0, 1.0])
        .unwrap()
        .decode(output())
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(
        finest.location,
        hierarchy.finest().location(argmax).unwrap()
    );
}

#[test]
fn products_of_tiny_probabilities_do_not_vanish() {
    let hierarchy = hierarchy();
    let sizes: Vec<usize> = hierarchy.partitions().map(Partition::len).collect();
    // One coarse cell is certain, and a fine cell of another one too: every product underflows.
    let parents = hierarchy.ancestors(0).unwrap();
    let mut coarse = vec![0.0; sizes[0]];
    let mut fine = vec![0.0; sizes[1]];
    coarse[0] = 2000.0;
    let elsewhere = (0..sizes[1]).find(|&c| parents[c] != 0).unwrap();
    fine[elsewhere] = 1999.0;
    let output = HierarchicalLogits(vec![rows(coarse, sizes[0]), rows(fine, sizes[1])]);
    let answer = HierarchicalDecoder::new(hierarchy.clone(), 1)
        .decode(output)
        .unwrap()
        .remove(0);
    let at = hierarchy
        .finest()
        .index_of(answer.unwrap().location)
        .unwrap();
    assert_eq!(parents[at], 0);
}

#[test]
fn a_bad_row_costs_no_other_and_wrong_shapes_are_named() {
    let hierarchy = hierarchy();
    let sizes: Vec<usize> = hierarchy.partitions().map(Partition::len).collect();
    let mut coarse = vec![0.0; 2 * sizes[0]];
    coarse[0] = f32::NAN;
    let fine = vec![0.0; 2 * sizes[1]];
    let decoder = HierarchicalDecoder::new(hierarchy, 1);
    let output = HierarchicalLogits(vec![rows(coarse.clone(), sizes[0]), rows(fine, sizes[1])]);
    let answers = decoder.decode(output).unwrap();
    assert_eq!(answers[0], Err(DecodeError::NotFinite { index: 0 }));
    assert!(answers[1].is_ok());
    let one_level = HierarchicalLogits(vec![rows(coarse, sizes[0])]);
    assert_eq!(
        decoder.decode(one_level),
        Err(DecodeError::Width {
            expected: 2,
            found: 1
        })
    );
    let narrow = HierarchicalLogits(vec![
        rows(vec![0.0; 1], 1),
        rows(vec![0.0; sizes[1]], sizes[1]),
    ]);
    let expected = DecodeError::Width {
        expected: sizes[0],
        found: 1,
    };
    assert_eq!(decoder.decode(narrow), Err(expected));
}
