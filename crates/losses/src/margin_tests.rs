use burn::tensor::{Device, TensorData};

use super::*;
use crate::gradient_check::{check_gradient, f64s, value};

const COSINES: [f64; 8] = [0.9, -0.3, 0.1, 0.6, -0.95, 0.2, 0.5, -0.7];
const CLASSES: [i64; 2] = [0, 0];
const SCALE: f64 = 8.0;

fn loss(margin: Margin, cosine: Tensor<2>) -> Tensor<1> {
    let device = cosine.device();
    let target = Tensor::from_data(TensorData::new(CLASSES.to_vec(), [2]), &device);
    let scale = f64s(&[SCALE], [1], &device);
    MarginSoftmax { margin }.forward(&CosineLogits { cosine, scale }, &target)
}

fn reference(own: impl Fn(f64) -> f64) -> f64 {
    COSINES
        .chunks(4)
        .map(|row| {
            let own = SCALE * own(row[0]);
            let rest: f64 = row[1..].iter().map(|c| (SCALE * c).exp()).sum();
            (own.exp() + rest).ln() - own
        })
        .sum::<f64>()
        / 2.0
}

#[test]
fn cosface_and_arcface_equal_their_definitions() {
    let found = |margin| value(loss(margin, f64s(&COSINES, [2, 4], &Device::flex())));
    assert!((found(Margin::Cosine(0.4)) - reference(|c| c - 0.4)).abs() < 1e-9);
    let m = 0.5f64;
    // The second row has θ = 2.82, beyond π - m: there the fallback holds.
    let arc = |c: f64| {
        let angle = c.acos() + m;
        if angle < std::f64::consts::PI {
            angle.cos()
        } else {
            c - m * m.sin()
        }
    };
    assert!(COSINES[4].acos() + m > std::f64::consts::PI);
    assert!((found(Margin::Angle(m)) - reference(arc)).abs() < 1e-9);
    // Without a margin both are the cross-entropy.
    assert!((found(Margin::Angle(0.0)) - found(Margin::Cosine(0.0))).abs() < 1e-9);
    assert!(found(Margin::Cosine(0.4)) > found(Margin::Cosine(0.0)));
}

#[test]
fn gradients_equal_finite_differences() {
    for margin in [Margin::Cosine(0.4), Margin::Angle(0.5)] {
        check_gradient(&COSINES, [2, 4], |c| loss(margin, c));
    }
}

#[test]
fn a_cosine_of_one_has_a_finite_gradient_in_f32() {
    let device = Device::flex().autodiff();
    let x = Tensor::<2>::from_data([[1.0f32, -1.0], [1.0, 0.0]], &device).require_grad();
    let scale = Tensor::full([1], 30.0, &device);
    let target = Tensor::from_data([0i64, 0], &device);
    let margin = Margin::Angle(0.5);
    let output = CosineLogits {
        cosine: x.clone(),
        scale,
    };
    let gradients = MarginSoftmax { margin }
        .forward(&output, &target)
        .backward();
    let gradient = x
        .grad(&gradients)
        .unwrap()
        .try_into_vec_as::<f32>()
        .unwrap();
    assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
}
