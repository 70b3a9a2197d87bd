//! Values and gradients of every loss against `PyTorch`. `scripts/loss_goldens.py` wrote `losses.json`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod case;
mod cells;
mod contrast;
mod places;

use burn::tensor::{DType, Device, Tensor};

use case::{Case, Given};

/// The loss of a case; every name that the script writes is here, and every public loss has a name.
fn forward(x: &Given) -> Tensor<1> {
    match x.case.loss.as_str() {
        "cross_entropy" => cells::cross_entropy(x),
        "cosine_cross_entropy" => cells::cosine_cross_entropy(x),
        "balanced_inverse" => cells::balanced_inverse(x),
        "balanced_effective" => cells::balanced_effective(x),
        "margin_cosine" => cells::margin_cosine(x),
        "margin_angle" => cells::margin_angle(x),
        "smoothed_nearest" => cells::smoothed_nearest(x),
        "smoothed_own" => cells::smoothed_own(x),
        "summed_levels" => cells::summed_levels(x),
        "summed_sets" => cells::summed_sets(x),
        "ancestors" => cells::ancestors(x),
        "cell_offset" => cells::cell_offset(x),
        "scene_experts" => cells::scene_experts(x),
        "haversine" => places::haversine(x),
        "half_squared_chord" => places::half_squared_chord(x),
        "angle" => places::angle(x),
        "score" => places::score(x),
        "uncertainty" => places::uncertainty(x),
        "weighted_sum" => places::weighted_sum(x),
        "mixture" => places::mixture(x),
        "flow_matching" => places::flow_matching(x),
        "info_nce" => contrast::info_nce(x),
        "decoupled" => contrast::decoupled(x),
        "triplet" => contrast::triplet(x),
        "place_contrast" => contrast::place_contrast(x),
        "multi_similarity" => contrast::multi_similarity(x),
        "mil_nce" => contrast::mil_nce(x),
        "triangular_info_nce" => contrast::triangular_info_nce(x),
        "triangular_multi_similarity" => contrast::triangular_multi_similarity(x),
        other => panic!("no loss is called {other}"),
    }
}

/// Difference relative to the largest magnitude among `expected`.
fn relative(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let pairs = found.iter().zip(expected);
    let worst = pairs.map(|(f, e)| (f - e).abs()).fold(0.0_f64, f64::max);
    assert!(found.iter().all(|f| f.is_finite()), "{found:?}");
    if worst > 0.0 { worst / scale } else { 0.0 }
}

/// Every case that differs from `PyTorch` by more than `tolerance`, with what differs.
fn differences(dtype: DType, tolerance: f64) -> Vec<String> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("losses.json")).unwrap();
    assert!(cases.len() >= 45, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let given = Given::new(case, (&Device::flex().autodiff(), dtype).into());
        let loss = forward(&given);
        assert_eq!(loss.dims(), [1]);
        let value = loss.clone().into_data().convert::<f64>();
        let value = relative(&value.try_to_vec().unwrap(), &[case.value]);
        let mut worst = vec![("value".to_string(), value)];
        let gradients = loss.backward();
        for (name, expected) in &case.gradients {
            let found = given.gradient(name, &gradients);
            worst.push((format!("gradient of {name}"), relative(&found, expected)));
        }
        for (what, error) in worst {
            if error > tolerance {
                let Case { loss, label, .. } = case;
                wrong.push(format!("{loss}, {label}: {what} differs by {error:.1e}"));
            }
        }
    }
    wrong
}

/// Some tens of operations in f32, and exponents up to 50 times a cosine.
#[test]
fn all_losses_equal_pytorch_in_f32() {
    let wrong = differences(DType::F32, 1e-5);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Target encoders hand out f32: 6e-8 of half the circumference of the Earth is 1 m of some 1,000 km.
#[test]
fn all_losses_equal_pytorch_in_f64() {
    let wrong = differences(DType::F64, 1e-6);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
