use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{
    DecodeError, Decoder, FeatureSpec, Features, Head, HeadConfig, SphericalMixture, contract,
};
use geoloc_geo_cells::{LatLng, haversine_km};

use super::*;

#[test]
fn meets_the_contract_and_concentrations_stay_within_bounds() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(4);
    for components in [1, 3] {
        let config = MixtureHeadConfig {
            components,
            ..MixtureHeadConfig::default()
        };
        let head = config.init(&spec, &device).unwrap();
        let features = Features::pooled(Tensor::ones([2, 4], &device) * 50.0);
        contract::check_head(&head, features.clone(), |o: SphericalMixture| {
            vec![
                o.log_weights,
                o.means.reshape([2, 3 * components]),
                o.kappas,
            ]
        })
        .unwrap();
        contract::check_round_trip(head.clone(), config.init(&spec, &device).unwrap()).unwrap();
        let kappas = head
            .forward(features)
            .kappas
            .try_into_vec_as::<f32>()
            .unwrap();
        assert!(
            kappas.iter().all(|k| (0.099..1.001e6).contains(k)),
            "{kappas:?}"
        );
    }
    let bad = MixtureHeadConfig {
        components: 0,
        ..MixtureHeadConfig::default()
    };
    assert!(bad.init(&spec, &device).is_err());
    let bad = MixtureHeadConfig {
        max_kappa: 0.01,
        ..MixtureHeadConfig::default()
    };
    assert!(bad.init(&spec, &device).is_err());
}

fn mixture(weights: &[f32], places: &[LatLng], kappas: &[f32]) -> SphericalMixture {
    let device = Device::flex();
    let n = weights.len();
    let means: Vec<f32> = places
        .iter()
        .flat_map(|p| p.to_unit_vector())
        .map(|x| x as f32)
        .collect();
    let row = |v: Vec<f32>| Tensor::from_data(TensorData::new(v, [1, n]), &device);
    SphericalMixture {
        log_weights: row(weights.iter().map(|w| w.ln()).collect()),
        means: Tensor::from_data(TensorData::new(means, [1, n, 3]), &device),
        kappas: row(kappas.to_vec()),
    }
}

#[test]
fn the_answer_is_the_mode_not_the_mean_of_two_continents() {
    let at = |lat, lng| LatLng::new(lat, lng).unwrap();
    let (lima, tokyo) = (at(-12.0, -77.0), at(35.7, 139.7));
    let decoder = MixtureDecoder::default();
    let output = mixture(&[0.45, 0.55], &[lima, tokyo], &[1000.0, 1000.0]);
    let answer = decoder.decode(output).unwrap().remove(0).unwrap();
    assert!(haversine_km(answer.location, tokyo) < 1.0);
    assert!((answer.candidates[0].probability - 0.55).abs() < 1e-6);
    assert!((answer.probability.unwrap() - 0.55).abs() < 1e-6);
    // A needle of little weight is higher than a broad hill: weight decides, not height.
    let output = mixture(&[0.1, 0.9], &[lima, tokyo], &[1e6, 10.0]);
    let answer = decoder.decode(output).unwrap().remove(0).unwrap();
    assert!(haversine_km(answer.location, tokyo) < 1.0);
    assert!((answer.probability.unwrap() - 0.9).abs() < 1e-6);
    // Components of one mode add up: two of 0.3 in Japan against one of 0.4.
    let near = at(35.8, 139.8);
    let output = mixture(&[0.4, 0.3, 0.3], &[lima, tokyo, near], &[1e4, 1e4, 1e4]);
    let answer = decoder.decode(output).unwrap().remove(0).unwrap();
    assert!(haversine_km(answer.location, tokyo) < 20.0);
    assert!((answer.probability.unwrap() - 0.6).abs() < 1e-6);
    assert!(haversine_km(answer.candidates[0].location, lima) < 1.0);
}

#[test]
fn a_bad_row_costs_no_other_and_a_wrong_width_is_named() {
    let at = |lat, lng| LatLng::new(lat, lng).unwrap();
    let good = mixture(&[1.0], &[at(1.0, 2.0)], &[5.0]);
    let bad = mixture(&[1.0], &[at(1.0, 2.0)], &[f32::NAN]);
    let both = |a: Tensor<2>, b: Tensor<2>| Tensor::cat(vec![a, b], 0);
    let output = SphericalMixture {
        log_weights: both(bad.log_weights, good.log_weights.clone()),
        means: Tensor::cat(vec![bad.means, good.means.clone()], 0),
        kappas: both(bad.kappas, good.kappas.clone()),
    };
    let answers = MixtureDecoder::default().decode(output).unwrap();
    assert_eq!(answers[0], Err(DecodeError::NotFinite { index: 0 }));
    assert!(answers[1].is_ok());
    let output = SphericalMixture {
        kappas: Tensor::zeros([1, 2], &Device::flex()),
        ..good
    };
    let expected = DecodeError::Width {
        expected: 1,
        found: 2,
    };
    assert_eq!(MixtureDecoder::default().decode(output), Err(expected));
}
