use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{
    DecodeError, Decoder, Directions, FeatureSpec, Features, Head, HeadConfig, ScaledCoordinates,
    contract,
};

use geoloc_geo_cells::{LatLng, haversine_km};

use super::*;

fn features(device: &Device) -> Features {
    let values: Vec<f32> = (0..15).map(|k| (k as f32 * 0.7).sin()).collect();
    Features::pooled(Tensor::from_data(TensorData::new(values, [3, 5]), device))
}

fn matrix<const W: usize>(rows: &[[f32; W]]) -> Tensor<2> {
    let data = TensorData::new(rows.concat(), [rows.len(), W]);
    Tensor::from_data(data, &Device::flex())
}

#[test]
fn both_heads_meet_the_contract() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(5);
    let config = ScaledRegressionHeadConfig {
        hidden: 8,
        sigmoid: true,
        ..ScaledRegressionHeadConfig::default()
    };
    let head = config.init(&spec, &device).unwrap();
    contract::check_head(&head, features(&device), |ScaledCoordinates(x)| vec![x]).unwrap();
    contract::check_round_trip(head.clone(), config.init(&spec, &device).unwrap()).unwrap();
    let scaled = head
        .forward(features(&device))
        .0
        .try_into_vec_as::<f32>()
        .unwrap();
    assert!(scaled.iter().all(|x| (0.0..1.0).contains(x)));

    let config = DirectionHeadConfig {
        hidden: 8,
        ..DirectionHeadConfig::default()
    };
    let head = config.init(&spec, &device).unwrap();
    contract::check_head(&head, features(&device), |Directions(x)| vec![x]).unwrap();
    contract::check_round_trip(head.clone(), config.init(&spec, &device).unwrap()).unwrap();
    let rows = head
        .forward(features(&device))
        .0
        .try_into_vec_as::<f32>()
        .unwrap();
    for row in rows.chunks(3) {
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 1e-5);
    }
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(5);
    let scaled = ScaledRegressionHeadConfig::default();
    assert!(
        ScaledRegressionHeadConfig {
            hidden: 0,
            ..scaled.clone()
        }
        .init(&spec, &device)
        .is_err()
    );
    assert!(
        ScaledRegressionHeadConfig {
            dropout: 1.0,
            ..scaled
        }
        .init(&spec, &device)
        .is_err()
    );
    let direction = DirectionHeadConfig {
        hidden_dropout: -0.1,
        ..DirectionHeadConfig::default()
    };
    assert!(direction.init(&spec, &device).is_err());
}

#[test]
fn scaled_coordinates_decode_linearly_and_go_on_around_the_world() {
    let decoder = ScaledCoordinatesDecoder { spread_km: 300.0 };
    let output = ScaledCoordinates(matrix(&[
        [0.75, 0.25],
        [f32::NAN, 0.5],
        [1.25, 0.5],
        [0.5, -0.2],
    ]));
    let answers = decoder.decode(output).unwrap();
    let first = answers[0].as_ref().unwrap();
    let is = |k: usize, lat, lng| {
        let place = answers[k].as_ref().unwrap().location;
        haversine_km(place, LatLng::new(lat, lng).unwrap()) < 0.1
    };
    assert!(is(0, 45.0, -90.0));
    assert!((first.radius50_km - 300.0).abs() < 1e-9);
    assert_eq!((first.probability, first.candidates.len()), (None, 0));
    assert_eq!(answers[1], Err(DecodeError::NotFinite { index: 1 }));
    // 45 degrees beyond the pole: down the other side. 252 degrees west: 108 east.
    assert!(is(2, 45.0, 180.0));
    assert!(is(3, 0.0, 108.0));
    let wrong = decoder.decode(ScaledCoordinates(matrix(&[[0.0f32; 3]])));
    assert_eq!(
        wrong,
        Err(DecodeError::Width {
            expected: 2,
            found: 3
        })
    );
}

#[test]
fn the_mean_of_two_answers_about_the_antimeridian_is_right_only_for_vectors() {
    // Half way between 179 E and 179 W: the scaled form says Greenwich, the vector the Pacific.
    let scaled = (179.0f32 / 360.0 + 0.5 + (-179.0 / 360.0 + 0.5)) / 2.0;
    let decoder = ScaledCoordinatesDecoder::default();
    let answer = &decoder
        .decode(ScaledCoordinates(matrix(&[[0.5, scaled]])))
        .unwrap()[0];
    assert!(answer.as_ref().unwrap().location.lng().abs() < 1e-3);
    let (s, c) = 179.0f32.to_radians().sin_cos();
    // The mean of (c, s, 0) and (c, -s, 0).
    assert!(s > 0.0);
    let mean = [c, 0.0, 0.0];
    let answers = DirectionDecoder::default()
        .decode(Directions(matrix(&[mean, [0.0; 3]])))
        .unwrap();
    assert!((answers[0].as_ref().unwrap().location.lng() + 180.0).abs() < 1e-9);
    assert_eq!(answers[1], Err(DecodeError::NotFinite { index: 1 }));
}
