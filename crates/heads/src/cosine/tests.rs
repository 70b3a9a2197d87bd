use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{CosineLogits, Decoder, FeatureSpec, Features, Head, HeadConfig, contract};
use geoloc_geo_cells::{LatLng, NamedPlaces, PartitionBuilder};

use super::*;
use crate::cell::CellDecoder;

#[test]
fn meets_the_contract_and_gives_cosines_whatever_the_length_of_features() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(3);
    let config = CosineHeadConfig {
        cells: 4,
        scale: 30.0,
    };
    let head = config.init(&spec, &device).unwrap();
    let features = |factor: f32| {
        let rows = [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]].map(|r: [f32; 3]| r.map(|x| x * factor));
        Features::pooled(Tensor::from_data(
            TensorData::new(rows.concat(), [2, 3]),
            &device,
        ))
    };
    contract::check_head(&head, features(1.0), |o: CosineLogits| vec![o.cosine]).unwrap();
    contract::check_round_trip(head.clone(), config.init(&spec, &device).unwrap()).unwrap();
    let cosines = |f| head.forward(f).cosine.try_into_vec_as::<f32>().unwrap();
    let (one, ten) = (cosines(features(1.0)), cosines(features(10.0)));
    for (a, b) in one.iter().zip(&ten) {
        assert!((a - b).abs() < 1e-5 && a.abs() < 1.0 + 1e-5);
    }
    for (cells, scale) in [(0, 30.0), (4, 0.0), (4, f64::NAN)] {
        assert!(
            CosineHeadConfig { cells, scale }
                .init(&spec, &device)
                .is_err()
        );
    }
}

#[test]
fn the_cell_decoder_reads_scaled_cosines() {
    let at = |lat, lng| LatLng::new(lat, lng).unwrap();
    let places = vec![("a".into(), at(10.0, 20.0)), ("b".into(), at(-10.0, 50.0))];
    let partition = Arc::new(NamedPlaces::new(places).build(&[]).unwrap().0);
    let device = Device::flex();
    let output = CosineLogits {
        cosine: Tensor::from_data([[0.1f32, 0.2]], &device),
        scale: Tensor::full([1], 10.0, &device),
    };
    let answer = CellDecoder::new(partition, 2)
        .decode(output)
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(answer.location, at(-10.0, 50.0));
    let expected = 1.0 / (1.0 + (-1.0f64).exp());
    assert!((answer.candidates[0].probability - expected).abs() < 1e-6);
}

#[test]
fn prototypes_start_at_about_unit_length_so_that_a_step_can_turn_them() {
    let device = Device::flex();
    for width in [16, 128, 1280] {
        device.seed(1);
        let config = CosineHeadConfig {
            cells: 50,
            scale: 30.0,
        };
        let head = config.init(&FeatureSpec::pooled(width), &device).unwrap();
        let squares = head.prototypes.val().square().sum_dim(1);
        let mean: f32 = squares.mean().into_scalar();
        assert!((0.7..1.4).contains(&mean), "{width}: {mean}");
    }
}
