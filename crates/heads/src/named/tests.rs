use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use geoloc_core::{CellLogits, DecodeError, Decoder, FeatureSpec, Features, HeadConfig, contract};
use geoloc_geo_cells::{LatLng, NamedPlaces, PartitionBuilder};

use super::*;

#[test]
fn meets_the_contract_of_heads() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(5);
    let config = NamedClassHeadConfig::new(21);
    assert!((config.dropout - 0.5).abs() < 1e-12);
    let head = config.init(&spec, &device).unwrap();
    let features = Features::pooled(Tensor::ones([3, 5], &device));
    contract::check_head(&head, features, |CellLogits(l)| vec![l]).unwrap();
    assert!(NamedClassHeadConfig::new(0).init(&spec, &device).is_err());
}

#[test]
fn names_are_ranked_and_a_bad_row_costs_no_other() {
    let at = |lat, lng| LatLng::new(lat, lng).unwrap();
    let places = vec![
        ("Goa".into(), at(15.3, 74.1)),
        ("Oslo".into(), at(59.9, 10.8)),
    ];
    let partition = Arc::new(NamedPlaces::new(places).build(&[]).unwrap().0);
    let decoder = NamedClassDecoder::new(partition, 5);
    let device = Device::flex();
    let rows = || {
        CellLogits(Tensor::from_data(
            [[0.0f32, 3f32.ln()], [f32::NAN, 0.0]],
            &device,
        ))
    };
    let names = decoder.names(rows()).unwrap();
    let first = names[0].as_ref().unwrap();
    assert_eq!(
        (first[0].name.as_str(), first[1].name.as_str()),
        ("Oslo", "Goa")
    );
    assert!((first[0].probability - 0.75).abs() < 1e-6);
    assert_eq!(names[1], Err(DecodeError::NotFinite { index: 1 }));
    let estimate = decoder.decode(rows()).unwrap().remove(0).unwrap();
    assert_eq!(estimate.location, at(59.9, 10.8));
    let wide = decoder.names(CellLogits(Tensor::zeros([1, 3], &device)));
    assert_eq!(
        wide,
        Err(DecodeError::Width {
            expected: 2,
            found: 3
        })
    );
}
