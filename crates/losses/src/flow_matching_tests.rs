use burn::module::Module;
use burn::tensor::Device;

use super::*;
use crate::gradient_check::{check_gradient, f64s, numbers, unit_rows, value};

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|k| a[k] * b[k]).sum()
}

#[test]
fn the_way_is_a_great_circle_of_constant_speed() {
    let (from, to) = (at(80.0, 170.0), at(-20.0, -160.0));
    let (a, b) = (from.to_unit_vector(), to.to_unit_vector());
    let theta = dot(a, b).acos();
    for gamma in [0.0, 0.3, 0.9, 1.0] {
        let (x, v) = way(a, b, gamma);
        assert!((dot(x, x) - 1.0).abs() < 1e-12);
        assert!(dot(x, v).abs() < 1e-12);
        assert!((dot(v, v).sqrt() - theta).abs() < 1e-9);
        assert!((dot(a, x).clamp(-1.0, 1.0).acos() - gamma * theta).abs() < 1e-7);
        let h = 1e-6;
        let (ahead, _) = way(a, b, gamma + h);
        let (behind, _) = way(a, b, gamma - h);
        assert!((0..3).all(|k| ((ahead[k] - behind[k]) / (2.0 * h) - v[k]).abs() < 1e-8));
    }
    // Noise on the spot, and nearly opposite.
    let (x, v) = way(a, a, 0.5);
    assert_eq!(x.map(f64::to_bits), a.map(f64::to_bits));
    assert!(v.iter().all(|v| v.abs() <= 0.0));
    let near = at(-79.99, -10.0).to_unit_vector();
    let (x, v) = way(near, a, 0.5);
    assert!((dot(x, x) - 1.0).abs() < 1e-9 && v.iter().all(|v| v.is_finite()));
}

#[test]
fn draws_are_functions_of_the_seed_and_follow_the_schedule() {
    let device = Device::flex();
    let places = vec![at(10.0, 20.0); 4000];
    let targets = FlowTargets::default();
    let numbers = |t: &Tensor<2>| t.clone().try_into_vec_as::<f32>().unwrap();
    let encode = |seed| targets.encode_seeded(&places, seed, &device).unwrap();
    let (first, again, other) = (encode(1), encode(1), encode(2));
    assert_eq!(numbers(&first.points), numbers(&again.points));
    assert_eq!(numbers(&first.progress), numbers(&again.progress));
    assert_ne!(numbers(&first.points), numbers(&other.points));
    assert_ne!(numbers(&first.progress), numbers(&other.progress));
    // A validation batch keeps its target.
    let plain = || targets.encode(&places[..3], &device).unwrap();
    assert_eq!(numbers(&plain().points), numbers(&plain().points));
    // A tenth is dropped: standard error √(0.09 / 4000) = 0.0047.
    let kept = numbers(&first.kept).iter().sum::<f32>() / 4000.0;
    assert!((kept - 0.9).abs() < 0.02, "{kept}");
    // Time is uniform: 30 % of the items have γ below γ(0.7).
    let bound = targets.schedule.progress(0.7) as f32;
    let below = numbers(&first.progress)
        .iter()
        .filter(|g| **g < bound)
        .count();
    assert!((below as f64 / 4000.0 - 0.3).abs() < 0.03, "{below}");
    // From any point on, the way goes on to the truth: exp((1 - γ) v) of the point.
    let to = places[0].to_unit_vector();
    let (points, velocities) = (numbers(&first.points), numbers(&first.velocities));
    for (i, gamma) in numbers(&first.progress).iter().enumerate().take(50) {
        let row = |v: &[f32]| -> [f64; 3] { std::array::from_fn(|k| f64::from(v[3 * i + k])) };
        let (x, v) = (row(&points), row(&velocities));
        let speed = dot(v, v).sqrt();
        let (sin, cos) = ((1.0 - f64::from(*gamma)) * speed).sin_cos();
        let end: [f64; 3] = std::array::from_fn(|k| cos * x[k] + sin * v[k] / speed);
        assert!((dot(end, to) - 1.0).abs() < 1e-5, "{end:?}");
    }
}

/// v = γ x + the first three numbers of the condition; not tangent, which the loss does not need.
#[derive(Module, Debug)]
struct Plain {
    shift: f64,
}

impl VelocityField for Plain {
    fn velocity(&self, points: Tensor<2>, progress: Tensor<2>, condition: Tensor<2>) -> Tensor<2> {
        points * progress + condition + self.shift
    }
}

#[test]
fn equals_the_definition_and_so_do_gradients() {
    let (points, velocities) = (unit_rows(3, 3, 51), numbers(9, 52));
    let (progress, condition) = ([0.1, 0.5, 0.9], numbers(9, 53));
    let kept = [1.0, 0.0, 1.0];
    let mut expected = 0.0;
    for i in 0..3 {
        for k in 0..3 {
            let j = 3 * i + k;
            let found = points[j] * progress[i] + condition[j] * kept[i] + 0.25;
            expected += (found - velocities[j]).powi(2) / 9.0;
        }
    }
    let loss = |condition: Tensor<2>| {
        let device = condition.device();
        let target = FlowTarget {
            points: f64s(&points, [3, 3], &device),
            progress: f64s(&progress, [3, 1], &device),
            velocities: f64s(&velocities, [3, 3], &device),
            kept: f64s(&kept, [3, 1], &device),
        };
        let output = SphericalFlow {
            field: Plain { shift: 0.25 },
            condition,
        };
        FlowMatching.forward(&output, &target)
    };
    let found = value(loss(f64s(&condition, [3, 3], &Device::flex())));
    assert!((found - expected).abs() < 1e-12);
    check_gradient(&condition, [3, 3], loss);
}
