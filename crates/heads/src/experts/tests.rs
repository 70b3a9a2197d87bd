use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{
    CellLogits, DecodeError, Decoder, FeatureSpec, Features, Head, HeadConfig, SceneExperts,
    contract,
};
use geoloc_geo_cells::{LatLng, NamedPlaces, Partition, PartitionBuilder};

use super::*;
use crate::cell::{CellDecoder, CellHeadConfig};

fn config() -> ExpertsHeadConfig<CellHeadConfig> {
    ExpertsHeadConfig {
        scenes: 3,
        expert: CellHeadConfig {
            cells: 2,
            dropout: 0.0,
        },
    }
}

#[test]
fn meets_the_contract() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(4);
    let head = config().init(&spec, &device).unwrap();
    let features = Features::pooled(Tensor::ones([2, 4], &device));
    let inspect = |o: SceneExperts<CellLogits>| {
        assert_eq!(o.scenes.0.dims(), [2, 3]);
        o.experts.into_iter().map(|e| e.0).collect()
    };
    contract::check_head(&head, features.clone(), inspect).unwrap();
    contract::check_round_trip(head.clone(), config().init(&spec, &device).unwrap()).unwrap();
    // Experts have weights of their own.
    let output = head.forward(features);
    let first = output.experts[0].0.clone().try_into_vec_as::<f32>();
    let second = output.experts[1].0.clone().try_into_vec_as::<f32>();
    assert_ne!(first.unwrap(), second.unwrap());
    let none = ExpertsHeadConfig {
        scenes: 0,
        ..config()
    };
    assert!(none.init(&spec, &device).is_err());
}

#[test]
fn each_photo_is_answered_by_the_expert_of_its_scene() {
    let device = Device::flex();
    let at = |lat, lng| LatLng::new(lat, lng).unwrap();
    let places = [at(10.0, 20.0), at(-40.0, 100.0)];
    let named = places.iter().enumerate().map(|(k, p)| (k.to_string(), *p));
    let partition: Arc<Partition> =
        Arc::new(NamedPlaces::new(named.collect()).build(&[]).unwrap().0);
    let rows = |values: &[f32], width: usize| {
        let shape = [values.len() / width, width];
        Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &device)
    };
    let output = |scenes: &[f32]| SceneExperts {
        scenes: CellLogits(rows(scenes, 2)),
        experts: vec![
            // The first expert always says cell 0, and fails on the last photo.
            CellLogits(rows(&[1.0, 0.0, 1.0, 0.0, f32::NAN, 0.0], 2)),
            CellLogits(rows(&[0.0, 1.0, 0.0, 1.0, 0.0, 1.0], 2)),
        ],
    };
    let decoder = RoutedDecoder {
        experts: vec![CellDecoder::new(partition, 1); 2],
    };
    let found = decoder
        .decode(output(&[2.0, 1.0, 1.0, 2.0, 0.0, 3.0]))
        .unwrap();
    let place = |k: usize| found[k].as_ref().unwrap().location;
    assert_eq!(
        [place(0), place(1), place(2)],
        [places[0], places[1], places[1]]
    );
    let found = decoder
        .decode(output(&[2.0, 1.0, f32::NAN, 2.0, 3.0, 0.0]))
        .unwrap();
    assert_eq!(found[0].as_ref().unwrap().location, places[0]);
    assert_eq!(found[1], Err(DecodeError::NotFinite { index: 1 }));
    assert_eq!(found[2], Err(DecodeError::NotFinite { index: 2 }));
    let mut one = output(&[0.0; 6]);
    one.experts.truncate(1);
    let expected = DecodeError::Width {
        expected: 2,
        found: 1,
    };
    assert_eq!(decoder.decode(one), Err(expected));
}
