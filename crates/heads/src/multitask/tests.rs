use burn::tensor::{Device, Tensor};
use geoloc_core::{
    CellLogits, Decoder, Directions, FeatureSpec, Features, Head, HeadConfig, TwoTasks, contract,
};

use super::*;
use crate::cell::CellHeadConfig;
use crate::regression::{DirectionDecoder, DirectionHeadConfig};

#[test]
fn meets_the_contract_and_the_first_task_answers() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(5);
    let config = TwoTaskHeadConfig {
        first: DirectionHeadConfig {
            hidden: 4,
            ..DirectionHeadConfig::default()
        },
        second: CellHeadConfig {
            cells: 3,
            dropout: 0.0,
        },
    };
    let head = config.init(&spec, &device).unwrap();
    let features = Features::pooled(Tensor::ones([2, 5], &device));
    let inspect = |o: TwoTasks<Directions, CellLogits>| vec![o.first.0, o.second.0];
    contract::check_head(&head, features.clone(), inspect).unwrap();
    contract::check_round_trip(head.clone(), config.init(&spec, &device).unwrap()).unwrap();
    let output = head.forward(features);
    assert_eq!(
        output
            .log_variances
            .clone()
            .try_into_vec_as::<f32>()
            .unwrap(),
        [0.0, 0.0]
    );
    let decoder = DirectionDecoder { spread_km: 1.0 };
    let expected = decoder.decode(output.first.clone()).unwrap();
    assert_eq!(FirstTask(decoder).decode(output).unwrap(), expected);
}
