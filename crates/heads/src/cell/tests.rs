use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{
    CellLogits, ConfigError, DecodeError, Decoder, FeatureSpec, Features, HeadConfig, contract,
};
use geoloc_geo_cells::{AdaptivePartition, LatLng, Partition, PartitionBuilder};

use super::{CellDecoder, CellHeadConfig};

fn partition() -> Arc<Partition> {
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
        ..AdaptivePartition::default()
    };
    Arc::new(builder.build(&training).unwrap().0)
}

fn logits(rows: &[f32], cells: usize) -> CellLogits {
    let shape = [rows.len() / cells, cells];
    CellLogits(Tensor::from_data(
        TensorData::new(rows.to_vec(), shape),
        &Device::flex(),
    ))
}

#[test]
fn meets_the_contract_of_heads() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(5);
    let config = CellHeadConfig {
        cells: 7,
        dropout: 0.5,
    };
    let head = config.init(&spec, &device).unwrap();
    let features = Features::pooled(Tensor::ones([3, 5], &device));
    contract::check_head(&head, features, |CellLogits(l)| vec![l]).unwrap();
    contract::check_round_trip(head, config.init(&spec, &device).unwrap()).unwrap();
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let refused = |cells, dropout| {
        let config = CellHeadConfig { cells, dropout };
        let result = config.init(&FeatureSpec::pooled(5), &Device::flex());
        matches!(result, Err(ConfigError::Value { .. }))
    };
    assert!(refused(0, 0.0));
    assert!(refused(3, 1.0));
    assert!(refused(3, f64::NAN));
}

#[test]
fn answers_the_location_of_the_best_cell_with_its_probability() {
    let partition = partition();
    assert_eq!(partition.len(), 2);
    let decoder = CellDecoder::new(partition.clone(), 5);
    let answers = decoder
        .decode(logits(&[0.0, 3f32.ln(), 2.0, 2.0], 2))
        .unwrap();
    let first = answers[0].as_ref().unwrap();
    assert_eq!(first.location, partition.location(1).unwrap());
    assert!((first.candidates[0].probability - 0.75).abs() < 1e-6);
    assert_eq!(first.candidates[0].cell, partition.cell(1));
    assert_eq!(first.probability, Some(first.candidates[0].probability));
    assert_eq!(first.candidates[0].class, Some(1));
    // Three quarters lie in the disc of the cell: two thirds of it are half of all.
    let expected = partition.spread_km(1).unwrap() * (4.0f64 / 3.0).sqrt();
    assert!((first.radius50_km - expected).abs() < 1e-5 * expected);
    // A tie goes to the first cell.
    let tie = answers[1].as_ref().unwrap();
    assert_eq!(tie.location, partition.location(0).unwrap());
    assert!((tie.candidates[0].probability - 0.5).abs() < 1e-6);
}

#[test]
fn temperature_flattens_probabilities_but_keeps_the_ranking() {
    let decoder = CellDecoder::new(partition(), 5)
        .with_temperature(2.0)
        .unwrap();
    let answers = decoder.decode(logits(&[0.0, 9f32.ln()], 2)).unwrap();
    let best = answers[0].as_ref().unwrap().candidates[0];
    assert!((best.probability - 0.75).abs() < 1e-6);
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = CellDecoder::new(partition(), 5).with_temperature(temperature);
        assert!(refused.is_err(), "{temperature}");
    }
}

#[test]
fn a_bad_row_costs_no_other_and_a_wrong_width_is_named() {
    let decoder = CellDecoder::new(partition(), 5);
    let answers = decoder
        .decode(logits(&[f32::NAN, 0.0, 1.0, 0.0], 2))
        .unwrap();
    assert_eq!(answers[0], Err(DecodeError::NotFinite { index: 0 }));
    assert!(answers[1].is_ok());
    let wrong = decoder.decode(logits(&[0.0; 3], 3));
    assert_eq!(
        wrong,
        Err(DecodeError::Width {
            expected: 2,
            found: 3
        })
    );
}
