use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{ConfigError, Encoder, EncoderConfig, FeatureSpec, Features, contract};

use super::{
    AnyPooling, Gem, NetVlad, NetVladConfig, Pooled, PooledConfig, Pooling, PoolingConfig, Salad,
    SaladConfig, SpatialSoftmax, SpatialSoftmaxConfig, salad,
};
use crate::ResNetConfig;
use crate::feature_file::{Precomputed, PrecomputedConfig};
use crate::resnet::ResNetBlock;

const BATCH: usize = 2;
const TOKENS: usize = 6;
const WIDTH: usize = 3;

pub(super) fn number(i: usize) -> f64 {
    ((i * 37 + 11) % 101) as f64 / 40.0 - 1.2
}

/// Tokens and a pooled vector that is not their mean.
fn features(device: &Device) -> Features {
    let values = |first: usize, n: usize| -> Vec<f32> {
        (first..first + n).map(|i| number(i) as f32).collect()
    };
    let tokens = TensorData::new(values(0, BATCH * TOKENS * WIDTH), [BATCH, TOKENS, WIDTH]);
    let pooled = TensorData::new(values(500, BATCH * WIDTH), [BATCH, WIDTH]);
    Features {
        pooled: Tensor::from_data(pooled, device),
        tokens: Some(Tensor::from_data(tokens, device)),
    }
}

/// Token `t` of image `b`.
fn token(b: usize, t: usize) -> Vec<f64> {
    let first = (b * TOKENS + t) * WIDTH;
    (first..first + WIDTH)
        .map(|i| f64::from(number(i) as f32))
        .collect()
}

pub(super) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    let values = tensor.try_into_vec_as::<f32>().unwrap();
    values.into_iter().map(f64::from).collect()
}

pub(super) fn scaled(x: &[f64]) -> Vec<f64> {
    let length = x.iter().map(|v| v * v).sum::<f64>().sqrt();
    x.iter().map(|v| v / length).collect()
}

pub(super) fn close(found: Tensor<2>, expected: &[f64], tolerance: f64) {
    let found = values(found);
    assert_eq!(found.len(), expected.len());
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < tolerance * (1.0 + b.abs()), "{i}: {a} {b}");
    }
}

/// `x W + b` with the values of a linear layer.
fn affine(x: &[f64], layer: &burn::nn::Linear) -> Vec<f64> {
    let weight = values(layer.weight.val());
    let bias = values(layer.bias.as_ref().unwrap().val());
    let n = bias.len();
    (0..n)
        .map(|j| {
            bias[j]
                + x.iter()
                    .enumerate()
                    .map(|(i, x)| x * weight[i * n + j])
                    .sum::<f64>()
        })
        .collect()
}

fn exp_shares(x: &[f64]) -> Vec<f64> {
    let most = x.iter().copied().fold(f64::MIN, f64::max);
    let exps: Vec<f64> = x.iter().map(|v| (v - most).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.iter().map(|e| e / sum).collect()
}

#[test]
fn class_and_average_are_what_they_say() {
    let device = Device::flex();
    let spec = FeatureSpec {
        width: WIDTH,
        grid: Some([2, 3]),
    };
    let class = PoolingConfig::Class.init(&spec, &device).unwrap();
    let pooled = values(features(&device).pooled);
    close(class.pool(features(&device)), &pooled, 1e-7);
    let average = PoolingConfig::Average.init(&spec, &device).unwrap();
    let mean: Vec<f64> = (0..BATCH)
        .flat_map(|b| {
            let sum = move |d: usize| (0..TOKENS).map(|t| token(b, t)[d]).sum::<f64>();
            (0..WIDTH).map(move |d| sum(d) / TOKENS as f64)
        })
        .collect();
    close(average.pool(features(&device)), &mean, 1e-6);
}

#[test]
fn gem_is_the_generalised_mean() {
    let device = Device::flex();
    for p in [1.0, 3.0, 7.5] {
        let expected: Vec<f64> = (0..BATCH)
            .flat_map(|b| {
                (0..WIDTH).map(move |d| {
                    let power = |t: usize| token(b, t)[d].max(1e-6).powf(p);
                    ((0..TOKENS).map(power).sum::<f64>() / TOKENS as f64).powf(1.0 / p)
                })
            })
            .collect();
        close(
            Gem::new(WIDTH, p, &device).pool(features(&device)),
            &expected,
            1e-5,
        );
    }
}

#[test]
fn gem_has_finite_gradients_at_dead_channels_and_large_exponents() {
    let device = Device::flex().autodiff();
    // Channel 0 is 0 at all tokens, as after a rectifier; channel 1 is large.
    let tokens = [[0.0, 10.0], [0.0, 9.0], [0.0, 1.0]];
    let data = TensorData::new(tokens.concat(), [1, 3, 2]);
    for p in [3.0, 8.0, 40.0, 100.0] {
        let tokens = Tensor::<3>::from_data(data.clone(), &device).require_grad();
        let features = Features {
            pooled: Tensor::zeros([1, 2], &device),
            tokens: Some(tokens.clone()),
        };
        let gem = Gem::new(2, p, &device);
        let pooled = gem.pool(features);
        let mean: f64 = [10.0f64, 9.0, 1.0]
            .map(|x| (x / 10.0).powf(p))
            .iter()
            .sum::<f64>()
            / 3.0;
        close(pooled.clone(), &[1e-6, 10.0 * mean.powf(1.0 / p)], 1e-4);
        let gradients = pooled.sum().backward();
        let own = tokens.grad(&gradients).unwrap();
        let own = own.try_into_vec_as::<f32>().unwrap();
        assert!(own.iter().all(|g| g.is_finite()), "{p}: {own:?}");
        let exponent = gem.p.val().grad(&gradients).unwrap();
        let exponent: f32 = exponent.into_scalar();
        assert!(exponent.is_finite() && exponent > 0.0, "{p}: {exponent}");
    }
}

#[test]
fn netvlad_sums_residuals() {
    let device = Device::flex();
    let centroids: Vec<f32> = (0..4 * WIDTH).map(|i| number(900 + i) as f32).collect();
    let alpha = 2.5;
    let pooling = NetVlad::from_centroids(&centroids, WIDTH, alpha, &device);
    let center = |k: usize| -> Vec<f64> {
        let row = &centroids[k * WIDTH..(k + 1) * WIDTH];
        row.iter().map(|&c| f64::from(c)).collect()
    };
    let expected: Vec<f64> = (0..BATCH)
        .flat_map(|b| {
            let mut sums = vec![vec![0.0; WIDTH]; 4];
            for t in 0..TOKENS {
                let x = scaled(&token(b, t));
                let distance = |k: usize| -> f64 {
                    x.iter().zip(center(k)).map(|(x, c)| (x - c).powi(2)).sum()
                };
                let scores: Vec<f64> = (0..4).map(|k| -alpha * distance(k)).collect();
                for (k, share) in exp_shares(&scores).into_iter().enumerate() {
                    for d in 0..WIDTH {
                        sums[k][d] += share * (x[d] - center(k)[d]);
                    }
                }
            }
            scaled(&sums.iter().flat_map(|s| scaled(s)).collect::<Vec<f64>>())
        })
        .collect();
    close(pooling.pool(features(&device)), &expected, 1e-4);
    assert_eq!(pooling.width(), 12);
}

/// Rounds of Sinkhorn in plain numbers: rows to 1, then columns to their mass.
fn plan(scores: &[Vec<f64>], dust: f64, rounds: usize) -> Vec<Vec<f64>> {
    let clusters = scores[0].len();
    let rest = (scores.len() - clusters) as f64;
    let mut plan: Vec<Vec<f64>> = scores
        .iter()
        .map(|row| row.iter().chain([&dust]).map(|s| s.exp()).collect())
        .collect();
    for _ in 0..rounds {
        for row in &mut plan {
            let sum: f64 = row.iter().sum();
            for x in row.iter_mut() {
                *x /= sum;
            }
        }
        for k in 0..=clusters {
            let mass = if k < clusters { 1.0 } else { rest };
            let sum: f64 = plan.iter().map(|row| row[k]).sum();
            for row in &mut plan {
                row[k] *= mass / sum;
            }
        }
    }
    plan
}

#[test]
fn transport_gives_every_cluster_its_mass() {
    let device = Device::flex();
    let (tokens, clusters) = (7, 3);
    let scores: Vec<f32> = (0..tokens * clusters)
        .map(|i| 3.0 * number(i) as f32)
        .collect();
    let rows: Vec<Vec<f64>> = scores
        .chunks(clusters)
        .map(|row| row.iter().map(|&s| f64::from(s)).collect())
        .collect();
    for rounds in [1, 3, 200] {
        let tensor = TensorData::new(scores.clone(), [1, tokens, clusters]);
        let tensor: Tensor<3> = Tensor::from_data(tensor, &device);
        let dust = Tensor::from_floats([0.7], &device);
        let found = values(salad::transport(tensor, dust, rounds));
        let expected = plan(&rows, 0.7, rounds);
        for (i, value) in found.iter().enumerate() {
            let expected = expected[i / clusters][i % clusters];
            assert!(
                (value - expected).abs() < 1e-5,
                "{rounds} {i} {value} {expected}"
            );
        }
        for k in 0..clusters {
            let mass: f64 = found.iter().skip(k).step_by(clusters).sum();
            assert!((mass - 1.0).abs() < 1e-5);
        }
        // After many rounds no token gives away more than it has.
        if rounds == 200 {
            assert!(
                found
                    .chunks(clusters)
                    .all(|row| row.iter().sum::<f64>() < 1.0 + 1e-4)
            );
        }
    }
}

fn salad_config() -> SaladConfig {
    SaladConfig {
        clusters: 4,
        cluster_width: 2,
        global_width: 3,
        hidden: 5,
        dropout: 0.3,
        iterations: 3,
    }
}

#[test]
fn salad_follows_its_definition() {
    let device = Device::flex();
    let pooling = Salad::new(salad_config(), WIDTH, &device);
    let [tokens, clusters, scores] = pooling.layers();
    let two = |x: &[f64], [first, second]: [&burn::nn::Linear; 2]| {
        let hidden: Vec<f64> = affine(x, first).iter().map(|v| v.max(0.0)).collect();
        affine(&hidden, second)
    };
    let pooled = values(features(&device).pooled);
    let expected: Vec<f64> = (0..BATCH)
        .flat_map(|b| {
            let rows: Vec<Vec<f64>> = (0..TOKENS).map(|t| two(&token(b, t), scores)).collect();
            let plan = plan(&rows, 1.0, 3);
            let mut sums = vec![vec![0.0; 2]; 4];
            for (t, shares) in plan.iter().enumerate() {
                let x = two(&token(b, t), clusters);
                for (sum, share) in sums.iter_mut().zip(shares) {
                    for (sum, x) in sum.iter_mut().zip(&x) {
                        *sum += share * x;
                    }
                }
            }
            let mut all: Vec<f64> = sums.iter().flat_map(|s| scaled(s)).collect();
            all.extend(scaled(&two(&pooled[b * WIDTH..(b + 1) * WIDTH], tokens)));
            scaled(&all)
        })
        .collect();
    close(pooling.pool(features(&device)), &expected, 1e-4);
    assert_eq!(pooling.width(), 11);
    // The published size: 64 x 128 + 256.
    let published = Salad::new(SaladConfig::default(), 2, &device);
    assert_eq!(published.width(), 8448);
}

#[test]
fn spatial_softmax_averages_by_attention() {
    let device = Device::flex();
    let config = SpatialSoftmaxConfig { heads: 2, width: 4 };
    let pooling = SpatialSoftmax::new(config, WIDTH, &device);
    let [attention, mapped] = pooling.layers();
    let expected: Vec<f64> = (0..BATCH)
        .flat_map(|b| {
            let scores: Vec<Vec<f64>> = (0..TOKENS)
                .map(|t| affine(&token(b, t), attention))
                .collect();
            let rows: Vec<Vec<f64>> = (0..TOKENS).map(|t| affine(&token(b, t), mapped)).collect();
            (0..4)
                .map(|j| {
                    let head: Vec<f64> = scores.iter().map(|s| s[j / 2]).collect();
                    let shares = exp_shares(&head);
                    shares.iter().zip(&rows).map(|(s, v)| s * v[j]).sum()
                })
                .collect::<Vec<f64>>()
        })
        .collect();
    close(pooling.pool(features(&device)), &expected, 1e-5);
}

fn poolings() -> Vec<PoolingConfig> {
    vec![
        PoolingConfig::Gem { p: 3.0 },
        PoolingConfig::NetVlad(NetVladConfig { clusters: 4 }),
        PoolingConfig::Salad(SaladConfig {
            dropout: 0.0,
            ..salad_config()
        }),
        PoolingConfig::SpatialSoftmax(SpatialSoftmaxConfig { heads: 2, width: 4 }),
    ]
}

/// The gradient of every parameter against differences of the loss.
#[test]
fn gradients_are_those_of_the_definitions() {
    let device = Device::flex().autodiff();
    let spec = FeatureSpec {
        width: WIDTH,
        grid: Some([2, 3]),
    };
    for config in poolings() {
        let pooling = config.init(&spec, &device).unwrap().materialize();
        // Drawn weights now and then put a ReLU on its kink, where no difference is a slope.
        let pooling = checks::with_fixed_weights(pooling);
        // Squares of a few results: with lengths of 1 the sum of all squares is constant.
        let loss = |pooling: &AnyPooling, device: &Device| {
            let out = pooling.pool(features(device));
            let [_, width] = out.dims();
            (out.narrow(1, 0, width / 2) * 3.0 + 0.5)
                .powi_scalar(2)
                .sum()
        };
        checks::compare(&pooling, |p| {
            f64::from(loss(p, &device).into_scalar::<f32>())
        });
    }
}

mod checks {
    use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
    use burn::tensor::{Gradients, Tensor, TensorData};

    use super::{AnyPooling, values};

    /// Moves one value of the parameter number `parameter`.
    struct Nudge {
        parameter: usize,
        index: usize,
        by: f32,
        at: usize,
    }

    impl ModuleMapper for Nudge {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let here = self.at == self.parameter;
            self.at += 1;
            if !here {
                return param;
            }
            let value = param.val();
            let (shape, device) = (value.dims(), value.device());
            let mut numbers = value.try_into_vec_as::<f32>().unwrap();
            numbers[self.index] += self.by;
            Param::from_tensor(Tensor::from_data(TensorData::new(numbers, shape), &device))
        }
    }

    /// Replaces every weight but single numbers, the exponent of `GeM`, which have their value.
    struct Fix {
        next: usize,
    }

    impl ModuleMapper for Fix {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (shape, device) = (param.val().dims(), param.val().device());
            let n = shape.iter().product::<usize>();
            if n == 1 {
                return param;
            }
            let first = self.next;
            self.next += n;
            let numbers: Vec<f32> = (first..first + n)
                .map(|i| super::number(i) as f32 * 0.5)
                .collect();
            Param::from_tensor(Tensor::from_data(TensorData::new(numbers, shape), &device))
        }
    }

    /// The pooling with the same weights in every run.
    pub(super) fn with_fixed_weights(pooling: AnyPooling) -> AnyPooling {
        pooling.map(&mut Fix { next: 1000 })
    }

    /// Gradient of each parameter as numbers.
    struct Collect {
        gradients: Gradients,
        found: Vec<Vec<f64>>,
    }

    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = param.val().grad(&self.gradients).unwrap();
            self.found.push(values(gradient));
        }
    }

    /// Central differences at some values of every parameter.
    pub(super) fn compare(pooling: &AnyPooling, loss: impl Fn(&AnyPooling) -> f64) {
        let device = burn::tensor::Device::flex().autodiff();
        let out = super::Pooling::pool(pooling, super::features(&device));
        let [_, width] = out.dims();
        let total = (out.narrow(1, 0, width / 2) * 3.0 + 0.5)
            .powi_scalar(2)
            .sum();
        let mut collect = Collect {
            gradients: total.backward(),
            found: Vec::new(),
        };
        pooling.visit(&mut collect);
        let step = 2e-3;
        for (parameter, gradient) in collect.found.iter().enumerate() {
            let scale = gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
            for index in (0..gradient.len()).step_by(gradient.len().div_ceil(7)) {
                let moved = |by: f32| {
                    loss(&pooling.clone().map(&mut Nudge {
                        parameter,
                        index,
                        by,
                        at: 0,
                    }))
                };
                let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
                let difference = (slope - gradient[index]).abs();
                // f32 sums of order 100 under a step of 2e-3.
                assert!(
                    difference < 0.01 * scale + 0.01,
                    "parameter {parameter}, value {index}: {slope} {}",
                    gradient[index]
                );
            }
        }
    }
}

#[test]
fn pooled_encoders_meet_the_contract() {
    let device = Device::flex();
    let images = |n: usize| {
        let values: Vec<f32> = (0..n * 3 * 64 * 64).map(|i| number(i) as f32).collect();
        Tensor::<4>::from_data(TensorData::new(values, [n, 3, 64, 64]), &device)
    };
    for pooling in poolings() {
        let clusters = matches!(pooling, PoolingConfig::Salad(_));
        let config = PooledConfig {
            encoder: ResNetConfig {
                // A grid of 2 x 2 has too few tokens for four clusters, one of 4 x 2 enough.
                input_size: if clusters { [128, 64] } else { [64, 64] },
                block: ResNetBlock::Basic,
                blocks: [1; 4],
                width: 2,
                classes: None,
            },
            pooling,
            normalise: true,
        };
        let encoder = config.init(&device).unwrap();
        assert_eq!(encoder.parts().blocks[0], "encoder.layer1.0");
        contract::check_encoder(&encoder, images).unwrap();
        contract::check_round_trip(encoder, config.init(&device).unwrap()).unwrap();
    }
}

#[test]
fn results_have_length_one_if_asked_for() {
    let device = Device::flex();
    let spec = FeatureSpec {
        width: WIDTH,
        grid: Some([2, 3]),
    };
    let encoder = Pooled::new(Precomputed::new(spec), Gem::new(WIDTH, 3.0, &device), true);
    let out = values(encoder.encode(features(&device)).pooled);
    for row in out.chunks(WIDTH) {
        let length: f64 = row.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let device = Device::flex();
    let spec = FeatureSpec {
        width: 8,
        grid: Some([2, 2]),
    };
    let field = |config: PoolingConfig, spec: FeatureSpec| match config.init(&spec, &device) {
        Err(ConfigError::Value { field, .. }) => field,
        Err(ConfigError::NeedsTokens) => "tokens",
        other => panic!("not refused: {other:?}"),
    };
    assert_eq!(field(PoolingConfig::Gem { p: 0.0 }, spec), "p");
    assert_eq!(
        field(PoolingConfig::Salad(salad_config()), spec),
        "clusters"
    );
    let heads = SpatialSoftmaxConfig { heads: 3, width: 4 };
    assert_eq!(field(PoolingConfig::SpatialSoftmax(heads), spec), "heads");
    let none = NetVladConfig { clusters: 0 };
    assert_eq!(field(PoolingConfig::NetVlad(none), spec), "clusters");
    assert_eq!(
        field(PoolingConfig::Average, FeatureSpec::pooled(8)),
        "tokens"
    );
    let empty = PrecomputedConfig {
        spec: FeatureSpec::pooled(0),
    };
    assert!(empty.init(&device).is_err());
}
