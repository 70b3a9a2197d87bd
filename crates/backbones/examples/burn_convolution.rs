//! What a convolution of burn's CPU backend costs beside the matrix product that it comes down to: a
//! reproducer of why this crate has convolutions of its own. It uses burn alone.
//!
//! ```text
//! cargo run --release -p geoloc-backbones --example burn_convolution
//! ```
//!
//! Prints milliseconds, the least of five runs, for a batch of 8: the forward pass, the gradient of the weights,
//! and a product `[positions, 9 or 1 x inputs] x [.., outputs]` with as many multiplications as each of them
//! has. A depthwise convolution has no such product.

#![allow(clippy::print_stdout, reason = "examples talk to people")]

use std::time::Instant;

use burn::tensor::module::{conv2d, conv2d_weight_backward};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Distribution, Tensor};

const BATCH: usize = 8;
const RUNS: usize = 5;

/// Inputs, outputs, side of the kernel, side of the map, groups.
const LAYERS: [(&str, [usize; 5]); 4] = [
    ("ResNet, 3x3 at 56", [64, 64, 3, 56, 1]),
    ("ResNet, 3x3 at 14", [256, 256, 3, 14, 1]),
    ("ResNet-50, 1x1 at 28", [512, 128, 1, 28, 1]),
    ("EfficientNet, depthwise 3x3 at 112", [32, 32, 3, 112, 32]),
];

/// The least milliseconds of a computation, its result read back.
fn least<const D: usize>(run: impl Fn() -> Tensor<D>) -> f64 {
    let once = || {
        let start = Instant::now();
        let values = run().into_data();
        let seconds = start.elapsed().as_secs_f64();
        std::hint::black_box(values);
        1e3 * seconds
    };
    once();
    (0..RUNS).map(|_| once()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let device = Device::default();
    let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Default, &device);
    println!(
        "{:<36} {:>8} {:>8} {:>8}",
        "layer, ms", "forward", "weights", "product"
    );
    for (name, [inputs, outputs, kernel, side, groups]) in LAYERS {
        let x = random([BATCH, inputs, side, side]);
        let weight = random([outputs, inputs / groups, kernel, kernel]);
        let gradient = random([BATCH, outputs, side, side]);
        let padding = [kernel / 2; 2];
        let options = || ConvOptions::new([1, 1], padding, [1, 1], groups);
        let forward = least(|| conv2d(x.clone(), weight.clone(), None, options()));
        let weights = least(|| {
            conv2d_weight_backward(x.clone(), weight.clone(), gradient.clone(), options())
        });
        let product = (groups == 1).then(|| {
            let [rows, columns] = [BATCH * side * side, inputs * kernel * kernel];
            let a = random([1, 1, rows, columns]);
            let b = random([1, 1, columns, outputs]);
            least(|| a.clone().matmul(b.clone()))
        });
        let product = product.map_or("-".to_owned(), |ms| format!("{ms:.1}"));
        println!("{name:<36} {forward:>8.1} {weights:>8.1} {product:>8}");
    }
}
