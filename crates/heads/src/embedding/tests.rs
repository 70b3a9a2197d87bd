use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{Embedding, FeatureSpec, Features, Head, HeadConfig, contract};

use super::EmbeddingHeadConfig;

#[test]
fn meets_the_contract_and_gives_unit_rows() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(3);
    let config = EmbeddingHeadConfig { dim: 4 };
    let head = config.init(&spec, &device).unwrap();
    let values = vec![1.0f32, 2.0, 3.0, -1.0, 0.5, 0.0, 0.0, 0.0, 0.0];
    let features = Features::pooled(Tensor::from_data(TensorData::new(values, [3, 3]), &device));
    contract::check_head(&head, features.clone(), |Embedding(e)| vec![e]).unwrap();
    contract::check_round_trip(head.clone(), config.init(&spec, &device).unwrap()).unwrap();

    let rows = head.forward(features).0.try_into_vec_as::<f32>().unwrap();
    let length = |row: &[f32]| row.iter().map(|v| v * v).sum::<f32>().sqrt();
    assert!((length(&rows[..4]) - 1.0).abs() < 1e-5);
    assert!((length(&rows[4..8]) - 1.0).abs() < 1e-5);
    // A zero vector has no direction: it stays zero instead of becoming NaN.
    assert_eq!(rows[8..], [0.0; 4]);
}

#[test]
fn an_embedding_of_no_length_is_refused() {
    let config = EmbeddingHeadConfig { dim: 0 };
    assert!(
        config
            .init(&FeatureSpec::pooled(3), &Device::flex())
            .is_err()
    );
}
