use burn::module::Param;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};

use super::{Gelu, attention_by_burn, layer_norm, linear, linear_around, self_attention};

const EPSILON: f64 = 1e-3;

/// Numbers from -1 to 1, the same on every machine.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    let number = |i: usize| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0;
    (0..count).map(number).collect()
}

fn tensor<const D: usize>(shape: [usize; D], seed: usize, device: &Device) -> Tensor<D> {
    let values = numbers(shape.iter().product(), seed);
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.try_into_vec_as().unwrap()
}

#[track_caller]
fn assert_close(ours: &[f32], exact: &[f64], most: f64) {
    assert_eq!(ours.len(), exact.len());
    for (place, (a, b)) in ours.iter().zip(exact).enumerate() {
        let off = (f64::from(*a) - b).abs();
        assert!(off <= most * (1.0 + b.abs()), "{place}: {a} and {b}");
    }
}

#[track_caller]
fn assert_same<const D: usize>(ours: Tensor<D>, burns: Tensor<D>) {
    assert_eq!(ours.dims(), burns.dims());
    let burns: Vec<f64> = values(burns).into_iter().map(f64::from).collect();
    assert_close(&values(ours), &burns, 1e-4);
}

/// A parameter, tracked where gradients are.
fn parameter<const D: usize>(x: Tensor<D>) -> Param<Tensor<D>> {
    let tracks = x.device().is_autodiff();
    Param::from_tensor(if tracks { x.require_grad() } else { x })
}

/// A layer whose parameters are not those of the beginning.
fn layer([inputs, outputs]: [usize; 2], bias: bool, device: &Device) -> Linear {
    let mut layer = LinearConfig::new(inputs, outputs)
        .with_bias(bias)
        .init(device);
    layer.weight = parameter(tensor([inputs, outputs], 5, device));
    layer.bias = layer.bias.map(|_| parameter(tensor([outputs], 6, device)));
    layer
}

fn norm(width: usize, device: &Device) -> LayerNorm {
    let mut norm = LayerNormConfig::new(width)
        .with_epsilon(EPSILON)
        .init(device);
    norm.gamma = parameter(tensor([width], 7, device));
    norm.beta = Some(parameter(tensor([width], 8, device)));
    norm
}

/// Rows, inputs and outputs: one of each, odd ones, several blocks and tiles, and none.
const LAYERS: [[usize; 3]; 7] = [
    [1, 1, 1],
    [3, 5, 7],
    [1, 64, 130],
    [257, 33, 65],
    [1100, 20, 9],
    [600, 3, 1000],
    [0, 4, 5],
];

#[test]
fn a_linear_layer_is_its_definition() {
    let device = Device::flex();
    for [rows, inputs, outputs] in LAYERS {
        let layer = layer([inputs, outputs], true, &device);
        let x = tensor([rows, inputs], 1, &device);
        let [weight, bias] = [
            values(layer.weight.val()),
            values(layer.bias.as_ref().unwrap().val()),
        ];
        let mut exact = Vec::new();
        for row in values(x.clone()).chunks(inputs) {
            for output in 0..outputs {
                let terms = row.iter().zip(weight[output..].iter().step_by(outputs));
                let sum: f64 = terms.map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
                exact.push(sum + f64::from(bias[output]));
            }
        }
        assert_close(&values(linear(&layer, None, x.clone())), &exact, 1e-5);
        let bent = linear(&layer, Some(Gelu::Logistic), x);
        let exact: Vec<f64> = exact
            .iter()
            .map(|x| x / (1.0 + (-1.702 * x).exp()))
            .collect();
        assert_close(&values(bent), &exact, 1e-5);
    }
}

#[test]
fn a_layer_norm_is_its_definition() {
    let device = Device::flex();
    for (rows, width) in [(1, 1), (2, 3), (5, 64), (700, 77), (0, 4)] {
        let norm = norm(width, &device);
        let x = tensor([rows, width], 2, &device) * 3.0 + 100.0;
        let (gamma, beta) = (
            values(norm.gamma.val()),
            values(norm.beta.as_ref().unwrap().val()),
        );
        let mut exact = Vec::new();
        for row in values(x.clone()).chunks(width) {
            let row: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
            let mean = row.iter().sum::<f64>() / width as f64;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
            let normed = row.iter().map(|x| (x - mean) / (variance + EPSILON).sqrt());
            let terms = normed.zip(&gamma).zip(&beta);
            exact.extend(terms.map(|((n, g), b)| n * f64::from(*g) + f64::from(*b)));
        }
        assert_close(&values(layer_norm(&norm, EPSILON, x)), &exact, 1e-4);
    }
}

/// Images, tokens, heads and width of a head: one of each, odd ones, several blocks, and none.
const ATTENTIONS: [[usize; 4]; 7] = [
    [1, 1, 1, 1],
    [2, 5, 1, 3],
    [3, 7, 5, 1],
    [1, 70, 2, 17],
    [2, 300, 1, 8],
    [1, 1100, 2, 4],
    [0, 3, 2, 4],
];

#[test]
fn attention_is_its_definition() {
    let device = Device::flex();
    for [images, tokens, heads, each] in ATTENTIONS {
        let width = heads * each;
        let qkv = tensor([images, tokens, 3 * width], 3, &device) * 3.0;
        let all: Vec<f64> = values(qkv.clone()).into_iter().map(f64::from).collect();
        let at = |image: usize, token: usize, part: usize, channel: usize| {
            all[((image * tokens + token) * 3 + part) * width + channel]
        };
        let mut exact = vec![0.0; images * tokens * width];
        for place in 0..images * tokens * heads {
            let (image, head) = (place / heads / tokens, place % heads);
            let (query, first) = (place / heads % tokens, head * each);
            let channels = first..first + each;
            let score = |key: usize| -> f64 {
                let terms = channels.clone();
                let terms = terms.map(|c| at(image, query, 0, c) * at(image, key, 1, c));
                terms.sum::<f64>() / (each as f64).sqrt()
            };
            let scores: Vec<f64> = (0..tokens).map(score).collect();
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for channel in channels {
                let mixed = weights.iter().enumerate();
                let mixed = mixed.map(|(key, w)| w * at(image, key, 2, channel));
                exact[(image * tokens + query) * width + channel] = mixed.sum::<f64>() / sum;
            }
        }
        let ours = self_attention(qkv, heads);
        assert_eq!(ours.dims(), [images, tokens, width]);
        assert_close(&values(ours), &exact, 1e-5);
    }
}

/// The gradients of a function with respect to `x` and to parameters, weighted at random.
fn gradients<const D: usize>(
    x: &Tensor<D>,
    parameters: &[Tensor<1>],
    f: impl Fn(Tensor<D>) -> Tensor<D>,
) -> (Tensor<D>, Tensor<D>, Vec<Tensor<1>>) {
    let y = f(x.clone());
    let weights = tensor(y.dims(), 9, &y.device());
    let mut gradients = (y.clone() * weights).sum().backward();
    let of = |p: &Tensor<1>| p.grad_remove(&mut gradients).expect("of a parameter");
    let parameters = parameters.iter().map(of).collect();
    let of_x = x.grad_remove(&mut gradients).expect("of the input");
    (y.inner(), of_x, parameters)
}

#[track_caller]
fn assert_same_gradients<const D: usize>(
    x: &Tensor<D>,
    parameters: &[Tensor<1>],
    ours: impl Fn(Tensor<D>) -> Tensor<D>,
    burns: impl Fn(Tensor<D>) -> Tensor<D>,
) {
    let (y, of_x, of_parameters) = gradients(x, parameters, ours);
    let expected = gradients(x, parameters, burns);
    assert_same(y, expected.0);
    assert_same(of_x, expected.1);
    for (ours, burns) in of_parameters.into_iter().zip(expected.2) {
        assert_same(ours, burns);
    }
}

#[test]
fn gradients_of_a_linear_layer_are_those_of_burn() {
    let device = Device::flex().autodiff();
    for [rows, inputs, outputs] in LAYERS.into_iter().filter(|[rows, ..]| *rows > 0) {
        for (gelu, has_bias) in [(None, true), (None, false), (Some(Gelu::Normal), true)] {
            let layer = layer([inputs, outputs], has_bias, &device);
            let bias: Vec<_> = layer.bias.iter().map(Param::val).collect();
            let x = tensor([1, rows, inputs], 1, &device).require_grad();
            let ours = |x| linear(&layer, gelu, x);
            let burns = |x| match gelu {
                Some(gelu) => gelu.apply(layer.forward(x)),
                None => layer.forward(x),
            };
            assert_same_gradients(&x, &bias, ours, burns);
            let of_weight = |f: &dyn Fn(Tensor<3>) -> Tensor<3>| {
                let y = f(x.clone());
                let weights = tensor(y.dims(), 9, &device);
                let mut gradients = (y * weights).sum().backward();
                let of_weight = layer.weight.val().grad_remove(&mut gradients);
                of_weight.expect("of the weights")
            };
            assert_same(of_weight(&ours), of_weight(&burns));
        }
    }
}

#[test]
fn a_branch_with_factors_and_its_gradients_are_those_of_burn() {
    let device = Device::flex().autodiff();
    for [rows, inputs, outputs] in LAYERS.into_iter().filter(|[rows, ..]| *rows > 0) {
        let layer = layer([inputs, outputs], true, &device);
        let scale = tensor([outputs], 4, &device).require_grad();
        let around = tensor([1, rows, outputs], 2, &device).require_grad();
        let x = tensor([1, rows, inputs], 1, &device).require_grad();
        let bias = layer.bias.as_ref().unwrap().val();
        let ours = |around| linear_around(&layer, Some(scale.clone()), around, x.clone());
        let burns = |around| around + layer.forward(x.clone()) * scale.clone().unsqueeze();
        assert_same_gradients(&around, &[scale.clone(), bias.clone()], ours, burns);
        let ours = |x| linear_around(&layer, None, around.clone(), x);
        let burns = |x| around.clone() + layer.forward(x);
        assert_same_gradients(&x, &[bias], ours, burns);
        let plain = Linear {
            weight: Param::from_tensor(layer.weight.val().inner()),
            bias: layer
                .bias
                .as_ref()
                .map(|bias| Param::from_tensor(bias.val().inner())),
        };
        let (around, x) = (around.inner(), x.inner());
        let scale = scale.inner();
        let ours = linear_around(&plain, Some(scale.clone()), around.clone(), x.clone());
        assert_same(ours, around + plain.forward(x) * scale.unsqueeze());
    }
}

#[test]
fn gradients_of_a_layer_norm_are_those_of_burn() {
    let device = Device::flex().autodiff();
    for (rows, width) in [(1, 2), (2, 3), (5, 64), (700, 77)] {
        let norm = norm(width, &device);
        let parameters = [norm.gamma.val(), norm.beta.as_ref().unwrap().val()];
        let x = tensor([rows, width], 2, &device).require_grad();
        let ours = |x| layer_norm(&norm, EPSILON, x);
        assert_same_gradients(&x, &parameters, ours, |x| norm.forward(x));
    }
}

#[test]
fn gradients_of_attention_are_those_of_burn() {
    let device = Device::flex().autodiff();
    for [images, tokens, heads, each] in ATTENTIONS.into_iter().filter(|[images, ..]| *images > 0) {
        let shape = [images, tokens, 3 * heads * each];
        let qkv = (tensor(shape, 3, &device).inner() * 3.0)
            .autodiff()
            .require_grad();
        assert_same_gradients(
            &qkv,
            &[],
            |qkv| self_attention(qkv, heads),
            |qkv| attention_by_burn(qkv, heads),
        );
    }
}

#[test]
fn views_whose_values_do_not_lie_in_order_are_read_in_order() {
    let device = Device::flex();
    let layer = layer([12, 5], true, &device);
    let turned = tensor([3, 12, 7], 1, &device).swap_dims(1, 2);
    let part = tensor([4, 7, 12], 1, &device).narrow(0, 1, 2);
    for x in [turned, part] {
        assert_same(linear(&layer, None, x.clone()), layer.forward(x.clone()));
        let norm = norm(12, &device);
        assert_same(
            layer_norm(&norm, EPSILON, x.clone()),
            norm.forward(x.clone()),
        );
        assert_same(self_attention(x.clone(), 2), attention_by_burn(x, 2));
    }
}

#[test]
fn layers_without_bias_and_norms_without_shift_give_what_burn_gives() {
    let device = Device::flex();
    let layer = layer([12, 5], false, &device);
    let x = tensor([3, 12], 1, &device);
    assert_same(linear(&layer, None, x.clone()), layer.forward(x.clone()));
    let mut norm = norm(12, &device);
    norm.beta = None;
    assert_same(layer_norm(&norm, EPSILON, x.clone()), norm.forward(x));
}

#[test]
fn other_numbers_than_of_32_bits_are_left_to_burn() {
    use burn::tensor::DType;
    let device = Device::flex();
    let x = tensor([2, 3, 12], 1, &device).cast(DType::F64);
    let mixed = self_attention(x.clone(), 2);
    assert_eq!(mixed.dtype(), DType::F64);
    assert_same(mixed, attention_by_burn(x, 2));
}
