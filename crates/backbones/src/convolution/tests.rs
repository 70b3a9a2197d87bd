use burn::module::Param;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor, TensorData};

use super::geometry::Geometry;
use super::pass::Then;
use super::{convolve, convolve_around, convolve_norm, dense, depthwise};
use crate::activation::Activation;

/// A small generator, the same on every machine.
struct Numbers(u32);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % limit
    }

    fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| self.below(2001) as f32 / 1000.0 - 1.0)
            .collect()
    }
}

/// Calls `product` with the places of `y`, `x` and `w` of every product of the definition.
fn definition(g: &Geometry, mut product: impl FnMut(usize, usize, usize)) {
    let inside = |axis: usize, o: usize, k: usize| {
        (o * g.stride[axis] + k * g.dilation[axis])
            .checked_sub(g.padding[axis])
            .filter(|i| *i < g.input[axis])
    };
    for map in 0..g.batch * g.outputs {
        let (n, o) = (map / g.outputs, map % g.outputs);
        for place in 0..g.output_plane() {
            let (oy, ox) = (place / g.output[1], place % g.output[1]);
            for tap in 0..g.depth() * g.taps() {
                let (c, k) = (tap / g.taps(), tap % g.taps());
                let channel = n * g.inputs + o / g.width() * g.depth() + c;
                let y = inside(0, oy, k / g.kernel[1]);
                let x = inside(1, ox, k % g.kernel[1]);
                if let (Some(y), Some(x)) = (y, x) {
                    product(
                        map * g.output_plane() + place,
                        (channel * g.input[0] + y) * g.input[1] + x,
                        o * g.depth() * g.taps() + tap,
                    );
                }
            }
        }
    }
}

#[track_caller]
fn assert_close(ours: &[f32], definition: &[f64], shape: &Geometry) {
    assert_eq!(ours.len(), definition.len(), "{shape:?}");
    for (place, (a, b)) in ours.iter().zip(definition).enumerate() {
        let difference = (f64::from(*a) - b).abs();
        assert!(
            difference < 2e-5 * (1.0 + b.abs()),
            "{place}: {a} and {b}, {shape:?}"
        );
    }
}

fn check(shape: &Geometry, numbers: &mut Numbers) {
    let x = numbers.values(shape.batch * shape.inputs * shape.input_plane());
    let w = numbers.values(shape.outputs * shape.depth() * shape.taps());
    let gradient = numbers.values(shape.batch * shape.outputs * shape.output_plane());
    let bias = numbers.values(shape.outputs);
    let mut y: Vec<f64> = (0..gradient.len())
        .map(|i| f64::from(bias[i / shape.output_plane() % shape.outputs]))
        .collect();
    let (mut of_x, mut of_w) = (vec![0.0; x.len()], vec![0.0; w.len()]);
    definition(shape, |i, j, k| {
        y[i] += f64::from(x[j]) * f64::from(w[k]);
        of_x[j] += f64::from(gradient[i]) * f64::from(w[k]);
        of_w[k] += f64::from(gradient[i]) * f64::from(x[j]);
    });
    let around = numbers.values(gradient.len());
    let then = |around, activation| Then {
        bias: Some(&bias),
        around,
        activation,
    };
    let plain = then(None, Activation::None);
    let all = then(Some(around.as_slice()), Activation::Clamp(-0.5, 0.75));
    let finished: Vec<f64> = y
        .iter()
        .zip(&around)
        .map(|(y, around)| (y + f64::from(*around)).clamp(-0.5, 0.75))
        .collect();
    assert_close(&dense::forward(&x, &w, &plain, shape), &y, shape);
    assert_close(&dense::forward(&x, &w, &all, shape), &finished, shape);
    assert_close(&dense::input_gradient(&gradient, &w, shape), &of_x, shape);
    assert_close(&dense::weight_gradient(&x, &gradient, shape), &of_w, shape);
    if shape.is_depthwise() {
        assert_close(&depthwise::forward(&x, &w, &plain, shape), &y, shape);
        assert_close(&depthwise::forward(&x, &w, &all, shape), &finished, shape);
        assert_close(
            &depthwise::input_gradient(&gradient, &w, shape),
            &of_x,
            shape,
        );
        assert_close(
            &depthwise::weight_gradient(&x, &gradient, shape),
            &of_w,
            shape,
        );
    }
}

#[test]
fn sums_of_the_definition_for_random_shapes() {
    let mut numbers = Numbers(7);
    let (mut dense, mut depthwise) = (0, 0);
    while dense < 300 || depthwise < 100 {
        let alone = numbers.below(3) == 0;
        let groups = if alone {
            1 + numbers.below(6)
        } else {
            [1, 1, 2, 4][numbers.below(4)]
        };
        let [depth, width] = if alone {
            [1; 2]
        } else {
            [1 + numbers.below(4), 1 + numbers.below(5)]
        };
        let mut pair =
            |from: usize, limit: usize| [0; 2].map(|_: usize| from + numbers.below(limit));
        let (size, kernel, stride, dilation) = (pair(1, 18), pair(1, 4), pair(1, 3), pair(1, 2));
        let (before, after) = (pair(0, 3), pair(0, 3));
        let shape = Geometry::new(
            [1 + numbers.below(6), groups * depth, size[0], size[1]],
            [groups * width, depth, kernel[0], kernel[1]],
            stride,
            [(before[0], after[0]), (before[1], after[1])],
            dilation,
            groups,
        );
        if let Some(shape) = shape {
            *(if shape.is_depthwise() {
                &mut depthwise
            } else {
                &mut dense
            }) += 1;
            check(&shape, &mut numbers);
        }
    }
}

/// Sizes at which the matrices are worked on in several tiles.
#[test]
fn sums_of_the_definition_for_large_shapes() {
    let mut numbers = Numbers(11);
    for (input, weight, stride, pad) in [
        ([1, 70, 40, 40], [5, 70, 3, 3], 1, 1),
        ([2, 300, 20, 21], [7, 300, 1, 1], 1, 0),
        ([3, 40, 30, 30], [6, 40, 5, 5], 2, 2),
        ([9, 130, 7, 7], [40, 130, 3, 3], 1, 1),
    ] {
        let shape = Geometry::new(input, weight, [stride; 2], [(pad, pad); 2], [1; 2], 1);
        check(&shape.expect("a kernel that fits"), &mut numbers);
    }
}

#[test]
fn shapes_that_do_not_fit_are_none() {
    let shape = |x, w, groups| Geometry::new(x, w, [1; 2], [(0, 0); 2], [1; 2], groups);
    assert_eq!(
        shape([1, 3, 2, 5], [4, 3, 3, 3], 1),
        None,
        "a kernel taller than the map"
    );
    assert_eq!(shape([1, 3, 5, 5], [4, 2, 3, 3], 1), None, "other channels");
    assert_eq!(
        shape([1, 4, 5, 5], [3, 2, 3, 3], 2),
        None,
        "outputs in two groups"
    );
    assert_eq!(
        shape([1, 4, 5, 5], [4, 2, 3, 0], 2),
        None,
        "a kernel of no width"
    );
    let padded = Geometry::new([1, 1, 0, 5], [1, 1, 2, 2], [1; 2], [(1, 1); 2], [1; 2], 1);
    assert_eq!(padded, None, "a map of padding alone");
    assert!(shape([0, 4, 5, 5], [4, 2, 3, 3], 2).is_some(), "no images");
}

fn tensor(numbers: &mut Numbers, shape: [usize; 4], device: &Device) -> Tensor<4> {
    let values = numbers.values(shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn values(x: Tensor<4>) -> Vec<f32> {
    x.try_into_vec_as().unwrap()
}

#[track_caller]
fn assert_same(ours: Tensor<4>, burns: Tensor<4>) {
    assert_eq!(ours.dims(), burns.dims());
    for (a, b) in values(ours).iter().zip(values(burns)) {
        assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{a} and {b}");
    }
}

/// Layers with and without bias, groups, dilation and padding on one side only.
fn layers(device: &Device) -> Vec<Conv2d> {
    let dense = Conv2dConfig::new([6, 4], [3, 3]).with_stride([2, 2]);
    vec![
        dense
            .clone()
            .with_padding(PaddingConfig2d::Same)
            .init(device),
        dense
            .clone()
            .with_bias(false)
            .with_dilation([2, 1])
            .init(device),
        dense
            .with_padding(PaddingConfig2d::Explicit(0, 2, 1, 0))
            .with_groups(2)
            .init(device),
        Conv2dConfig::new([6, 6], [5, 5])
            .with_padding(PaddingConfig2d::Same)
            .with_groups(6)
            .init(device),
    ]
}

#[test]
fn a_layer_gives_what_burn_gives() {
    let device = Device::flex();
    let mut numbers = Numbers(3);
    for layer in layers(&device) {
        let x = tensor(&mut numbers, [2, 6, 12, 9], &device);
        assert_same(convolve(&layer, x.clone()), layer.forward(x.clone()));
        // A view whose values do not lie in order.
        let turned = tensor(&mut numbers, [2, 6, 9, 12], &device).swap_dims(2, 3);
        assert_same(convolve(&layer, turned.clone()), layer.forward(turned));
        let clamped = convolve_norm(&layer, None, Activation::RELU6, x.clone());
        let plain = layer.forward(x.clone());
        assert_same(clamped, plain.clone().clamp(0.0, 6.0));
        let around = tensor(&mut numbers, plain.dims(), &device);
        let sum = convolve_around(&layer, None, around.clone(), Activation::RELU, x);
        assert_same(sum, (plain + around).clamp_min(0.0));
    }
}

#[test]
fn gradients_of_a_layer_are_those_of_burn() {
    let device = Device::flex().autodiff();
    let mut numbers = Numbers(5);
    for layer in layers(&device) {
        let x = tensor(&mut numbers, [2, 6, 12, 9], &device).require_grad();
        let weight = Tensor::from_data(layer.weight.to_data(), &device).require_grad();
        let layer = Conv2d {
            weight: Param::from_tensor(weight),
            ..layer
        };
        let gradients = |y: Tensor<4>| {
            let weights = Tensor::from_data(
                TensorData::new(Numbers(9).values(y.shape().num_elements()), y.dims()),
                &device,
            );
            let mut gradients = (y * weights).sum().backward();
            let of_x = x
                .grad_remove(&mut gradients)
                .expect("a gradient of the input");
            let of_weight = layer.weight.val().grad_remove(&mut gradients);
            let bias = layer.bias.as_ref().map(|bias| {
                let bias = bias.val().grad_remove(&mut gradients);
                bias.expect("a gradient of the bias").unsqueeze::<4>()
            });
            (of_x, of_weight.expect("a gradient of the weights"), bias)
        };
        let ours = gradients(convolve(&layer, x.clone()));
        let burns = gradients(layer.forward(x.clone()));
        assert_same(ours.0, burns.0);
        assert_same(ours.1, burns.1);
        if let (Some(ours), Some(burns)) = (ours.2, burns.2) {
            assert_same(ours, burns);
        }
    }
}
