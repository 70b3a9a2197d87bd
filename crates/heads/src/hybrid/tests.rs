use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use geoloc_core::{
    CellFrames, CellOffsets, DecodeError, Decoder, FeatureSpec, Features, Head, HeadConfig,
    contract,
};
use geoloc_geo_cells::{LatLng, NamedPlaces, PartitionBuilder, haversine_km};

use super::*;

#[test]
fn meets_the_contract_and_offsets_are_bounded() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(5);
    for shared in [false, true] {
        let config = HybridHeadConfig {
            cells: 4,
            dropout: 0.1,
            shared,
        };
        let head = config.init(&spec, &device).unwrap();
        let features = Features::pooled(Tensor::ones([3, 5], &device) * 100.0);
        contract::check_head(&head, features.clone(), |o: CellOffsets| {
            vec![o.logits, o.offsets.reshape([3, 8])]
        })
        .unwrap();
        contract::check_round_trip(head.clone(), config.init(&spec, &device).unwrap()).unwrap();
        let offsets = head
            .forward(features)
            .offsets
            .try_into_vec_as::<f32>()
            .unwrap();
        assert!(offsets.iter().all(|x| x.abs() <= 1.2 + 1e-6));
    }
}

fn frames() -> CellFrames {
    let at = |lat, lng| LatLng::new(lat, lng).unwrap();
    let places = vec![("a".into(), at(-17.0, 179.9)), ("b".into(), at(40.0, 3.0))];
    let partition = NamedPlaces::new(places).build(&[]).unwrap().0;
    CellFrames::new(Arc::new(partition), 50.0)
}

#[test]
fn the_best_cell_is_moved_by_its_own_offset_across_the_antimeridian() {
    let device = Device::flex();
    let output = CellOffsets {
        logits: Tensor::from_data([[2.0f32, 0.0], [f32::NAN, 0.0]], &device),
        offsets: Tensor::from_data(
            [[[1.0f32, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]],
            &device,
        ),
    };
    let answers = HybridDecoder::new(frames(), 2).decode(output).unwrap();
    let answer = answers[0].as_ref().unwrap();
    assert!(answer.location.lng() < -179.0, "{}", answer.location);
    let origin = LatLng::new(-17.0, 179.9).unwrap();
    assert!((haversine_km(origin, answer.location) - 50.0).abs() < 1e-3);
    assert!(answer.candidates[1].location.lat() > 40.4);
    let decoder = || HybridDecoder::new(frames(), 2);
    assert!(decoder().with_temperature(f64::NAN).is_err());
    assert!(decoder().with_residual(-1.0).is_err());
    assert_eq!(answers[1], Err(DecodeError::NotFinite { index: 1 }));
}

#[test]
fn a_wrong_width_is_named() {
    let device = Device::flex();
    let output = |cells: usize, offsets: usize| CellOffsets {
        logits: Tensor::zeros([1, cells], &device),
        offsets: Tensor::zeros([1, offsets, 2], &device),
    };
    let decode = |o| HybridDecoder::new(frames(), 1).decode(o);
    assert_eq!(
        decode(output(3, 3)),
        Err(DecodeError::Width {
            expected: 2,
            found: 3
        })
    );
    assert_eq!(
        decode(output(2, 3)),
        Err(DecodeError::Width {
            expected: 4,
            found: 6
        })
    );
}
