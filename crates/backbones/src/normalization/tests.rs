use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor, TensorData};

use super::normalize;
use crate::activation::Activation;

fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 500.0 - 0.8)
        .collect()
}

fn maps(shape: [usize; 4], seed: usize, device: &Device) -> Tensor<4> {
    let values = numbers(shape.iter().product(), seed);
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A norm whose parameters are not those of the beginning.
fn norm(channels: usize, device: &Device) -> BatchNorm {
    let mut norm = BatchNormConfig::new(channels).init(device);
    let parameter = |seed| {
        let values = TensorData::new(numbers(channels, seed), [channels]);
        Tensor::<1>::from_data(values, device).require_grad()
    };
    norm.gamma = norm.gamma.map(|_| parameter(3));
    norm.beta = norm.beta.map(|_| parameter(4));
    norm
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.try_into_vec_as().unwrap()
}

#[track_caller]
fn assert_same<const D: usize>(ours: Tensor<D>, burns: Tensor<D>) {
    assert_eq!(ours.dims(), burns.dims());
    let [ours, burns] = [ours, burns].map(values);
    for (a, b) in ours.iter().zip(&burns) {
        assert!((a - b).abs() < 2e-5 * (1.0 + b.abs()), "{a} and {b}");
    }
}

const ACTIVATIONS: [Activation; 3] = [
    Activation::None,
    Activation::RELU,
    Activation::Clamp(-0.3, 0.4),
];

#[test]
fn training_gives_values_gradients_and_statistics_of_burn() {
    let device = Device::flex().autodiff();
    // Maps shorter than a vector, of several vectors, and with a rest.
    for (case, shape) in [[3, 5, 1, 3], [2, 4, 7, 7], [1, 3, 16, 8], [7, 2, 9, 21]]
        .into_iter()
        .enumerate()
    {
        for activation in ACTIVATIONS {
            let [ours, burns] = [true, false].map(|own| {
                let norm = norm(shape[1], &device);
                let x = maps(shape, case, &device).require_grad();
                let y = if own {
                    normalize(&norm, activation, x.clone())
                } else {
                    activation.apply(norm.forward(x.clone()))
                };
                let weights = maps(shape, 9, &device);
                let mut gradients = (y.clone() * weights).sum().backward();
                let mut of = |parameter: &Tensor<1>| parameter.grad_remove(&mut gradients);
                let of_gamma = of(&norm.gamma.val()).expect("a gradient of gamma");
                let of_beta = of(&norm.beta.val()).expect("a gradient of beta");
                let of_x = x
                    .grad_remove(&mut gradients)
                    .expect("a gradient of the maps");
                let running = [
                    norm.running_mean.value_sync(),
                    norm.running_var.value_sync(),
                ];
                (
                    y.inner(),
                    of_x,
                    [of_gamma, of_beta],
                    running.map(Tensor::inner),
                )
            });
            assert_same(ours.0, burns.0);
            assert_same(ours.1, burns.1);
            for (ours, burns) in ours
                .2
                .into_iter()
                .zip(burns.2)
                .chain(ours.3.into_iter().zip(burns.3))
            {
                assert_same(ours, burns);
            }
        }
    }
}

#[test]
fn inference_gives_what_burn_gives() {
    let device = Device::flex();
    let norm = norm(4, &Device::flex().autodiff()).valid();
    norm.running_mean.update(Tensor::from_data(
        TensorData::from([0.1f32, -0.2, 0.3, 0.0]),
        &device,
    ));
    norm.running_var.update(Tensor::from_data(
        TensorData::from([0.5f32, 1.5, 2.0, 0.1]),
        &device,
    ));
    let _ = (
        norm.running_mean.value_sync(),
        norm.running_var.value_sync(),
    );
    for activation in ACTIVATIONS {
        let x = maps([2, 4, 5, 7], 1, &device);
        assert_same(
            normalize(&norm, activation, x.clone()),
            activation.apply(norm.forward(x)),
        );
        // A view whose values do not lie in order.
        let x = maps([2, 4, 5, 7], 2, &device).swap_dims(2, 3);
        assert_same(
            normalize(&norm, activation, x.clone()),
            activation.apply(norm.forward(x)),
        );
    }
}

#[test]
fn a_frozen_norm_lets_gradients_through_and_keeps_its_statistics() {
    let device = Device::flex().autodiff();
    let norm = norm(3, &device).freeze();
    let x = maps([2, 3, 4, 4], 5, &device).require_grad();
    let y = normalize(&norm, Activation::RELU, x.clone());
    let gradients = y.sum().backward();
    assert!(x.grad(&gradients).is_some());
    let mean = norm.running_mean.value_sync().inner();
    assert_same(mean, Tensor::zeros([3], &Device::flex()));
}
