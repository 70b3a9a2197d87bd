use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{
    DecodeError, Decoder, FeatureSpec, Features, GeoclassLogits, HeadConfig, contract,
};
use geoloc_geo_cells::{
    AdaptivePartition, GeoclassSetConfig, GeoclassSets, LatLng, PartitionBuilder,
};

use super::*;

const CLASSES: [usize; 2] = [12, 9];

fn sets() -> Arc<GeoclassSets> {
    let photos: Vec<LatLng> = (0..400)
        .map(|k| {
            let t = f64::from(k);
            LatLng::new(60.0 * (0.37 * t).sin(), 170.0 * (0.113 * t).sin()).unwrap()
        })
        .collect();
    let cells = AdaptivePartition {
        split_above: 10,
        drop_below: 1,
        ..AdaptivePartition::default()
    };
    let base = cells.build(&photos).unwrap().0;
    let configs =
        [(CLASSES[0], 0.0), (CLASSES[1], 1.0)].map(|(classes, node_cells)| GeoclassSetConfig {
            classes,
            node_cells,
            ..GeoclassSetConfig::default()
        });
    Arc::new(GeoclassSets::build(base, &configs, &[]).unwrap())
}

fn logits(step: f32, set: usize) -> Vec<f32> {
    (0..CLASSES[set])
        .map(|k| 2.0 * (k as f32 * step + 0.3).sin())
        .collect()
}

fn tensor(values: Vec<f32>, width: usize) -> Tensor<2> {
    let shape = [values.len() / width, width];
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

#[test]
fn meets_the_contract_of_heads() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(5);
    let config = GeoclassHeadConfig {
        classes: CLASSES.to_vec(),
        dropout: 0.2,
    };
    let head = config.init(&spec, &device).unwrap();
    let features = Features::pooled(Tensor::ones([3, 5], &device));
    contract::check_head(&head, features, |GeoclassLogits(l)| l).unwrap();
    contract::check_round_trip(head, config.init(&spec, &device).unwrap()).unwrap();
}

#[test]
fn the_vote_equals_the_sum_over_tuples() {
    let sets = sets();
    let rows = [logits(1.7, 0), logits(0.9, 1)];
    let p: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
            row.iter().map(|&x| f64::from(x).exp() / sum).collect()
        })
        .collect();
    let n = sets.fine().len();
    assert!(n > CLASSES[0]);
    let weights = [1.0, 0.5];
    for score in [
        TupleScore::SimpleSum,
        TupleScore::NormSum,
        TupleScore::NormMax,
    ] {
        let of = |s: usize, f: usize| p[s][sets.tuple(f).unwrap()[s] as usize];
        let divisor = |s: usize| match score {
            TupleScore::SimpleSum => 1.0,
            TupleScore::NormSum => (0..n).map(|f| of(s, f)).sum(),
            TupleScore::NormMax => p[s].iter().copied().fold(0.0, f64::max),
        };
        let divisors = [divisor(0), divisor(1)];
        let votes: Vec<f64> = (0..n)
            .map(|f| (0..2).map(|s| weights[s] * of(s, f) / divisors[s]).sum())
            .collect();
        let best = (0..n)
            .max_by(|&a, &b| votes[a].total_cmp(&votes[b]))
            .unwrap();
        let decoder = TupleVoteDecoder::new(sets.clone(), score, 4)
            .with_weights(&weights)
            .unwrap();
        let output = GeoclassLogits(vec![
            tensor(rows[0].clone(), CLASSES[0]),
            tensor(rows[1].clone(), CLASSES[1]),
        ]);
        let answer = decoder.clone().decode(output).unwrap().remove(0).unwrap();
        assert_eq!(answer.location, sets.fine().location(best).unwrap());
        let product: Vec<f64> = (0..n)
            .map(|f| (0..2).map(|s| of(s, f).powf(weights[s])).product())
            .collect();
        let expected = product[best] / product.iter().sum::<f64>();
        assert!((answer.probability.unwrap() - expected).abs() < 1e-6);
        assert_eq!(answer.candidates.len(), 4);
        let first = product.iter().copied().fold(0.0, f64::max) / product.iter().sum::<f64>();
        assert!((answer.candidates[0].probability - first).abs() < 1e-6);
        // The temperature leaves the vote alone.
        let flat = decoder.with_temperature(3.0).unwrap();
        let output = GeoclassLogits(vec![
            tensor(rows[0].clone(), CLASSES[0]),
            tensor(rows[1].clone(), CLASSES[1]),
        ]);
        let flat = flat.decode(output).unwrap().remove(0).unwrap();
        let root = |f: usize| product[f].powf(1.0 / 3.0);
        let expected = root(best) / (0..n).map(root).sum::<f64>();
        assert_eq!(flat.location, answer.location);
        assert!((flat.probability.unwrap() - expected).abs() < 1e-6);
    }
}

#[test]
fn classifiers_that_are_certain_make_an_answer_that_is() {
    let sets = sets();
    let fine = sets.fine().len();
    for f in 0..fine {
        let tuple = sets.tuple(f).unwrap();
        let certain = |set: usize| {
            let mut row = vec![0.0; CLASSES[set]];
            row[tuple[set] as usize] = 30.0;
            tensor(row, CLASSES[set])
        };
        let decoder = TupleVoteDecoder::new(sets.clone(), TupleScore::SimpleSum, 3);
        let output = GeoclassLogits(vec![certain(0), certain(1)]);
        let answer = decoder.decode(output).unwrap().remove(0).unwrap();
        // A share of the votes is no more than a few percent here.
        assert_eq!(answer.location, sets.fine().location(f).unwrap());
        assert!(answer.probability.unwrap() > 0.999, "{answer:?}");
    }
    let decoder = || TupleVoteDecoder::new(sets.clone(), TupleScore::SimpleSum, 3);
    for weights in [&[1.0; 3][..], &[-1.0], &[f64::NAN]] {
        assert!(decoder().with_weights(weights).is_err());
    }
    assert!(decoder().with_temperature(-2.0).is_err());
}

#[test]
fn ties_go_to_the_fine_cell_with_more_photos() {
    let sets = sets();
    let output = GeoclassLogits(CLASSES.iter().map(|&n| tensor(vec![0.0; n], n)).collect());
    let decoder = TupleVoteDecoder::new(sets.clone(), TupleScore::SimpleSum, 1);
    let answer = decoder.decode(output).unwrap().remove(0).unwrap();
    let counts = sets.fine().counts();
    let most = *counts.iter().max().unwrap();
    let first = counts.iter().position(|&c| c == most).unwrap();
    assert_eq!(answer.location, sets.fine().location(first).unwrap());
}

#[test]
fn a_bad_row_costs_no_other_and_wrong_shapes_are_named() {
    let decoder = TupleVoteDecoder::new(sets(), TupleScore::SimpleSum, 1);
    let mut first = vec![0.0; 2 * CLASSES[0]];
    first[3] = f32::INFINITY;
    let second = vec![0.0; 2 * CLASSES[1]];
    let output = GeoclassLogits(vec![
        tensor(first, CLASSES[0]),
        tensor(second.clone(), CLASSES[1]),
    ]);
    let answers = decoder.decode(output).unwrap();
    assert_eq!(answers[0], Err(DecodeError::NotFinite { index: 0 }));
    assert!(answers[1].is_ok());
    let one = GeoclassLogits(vec![tensor(second, CLASSES[1])]);
    assert_eq!(
        decoder.decode(one),
        Err(DecodeError::Width {
            expected: 2,
            found: 1
        })
    );
}
