use burn::tensor::Device;

use super::*;
use crate::gradient_check::{check_gradient, f64s, numbers, unit_rows, value};

/// ln f by expm1, which needs no series.
fn log_density(kappa: f64, mean: &[f64], x: &[f64]) -> f64 {
    let squared: f64 = mean.iter().zip(x).map(|(a, b)| (a - b).powi(2)).sum();
    kappa.ln()
        - std::f64::consts::TAU.ln()
        - (-(-2.0 * kappa).exp_m1()).ln()
        - kappa * squared / 2.0
}

fn one(kappa: f64, mean: &[f64]) -> SphericalMixture {
    let device = Device::flex();
    SphericalMixture {
        log_weights: f64s(&[0.0], [1, 1], &device),
        means: f64s(mean, [1, 1, 3], &device),
        kappas: f64s(&[kappa], [1, 1], &device),
    }
}

#[test]
fn one_component_equals_the_definition_from_the_uniform_to_a_needle() {
    let (mean, x) = (unit_rows(1, 3, 1), unit_rows(1, 3, 2));
    let mut kappa = 1e-6;
    while kappa <= 1.1e6 {
        for x in [&mean, &x] {
            let target = f64s(x, [1, 3], &Device::flex());
            let loss = value(MixtureNll.forward(&one(kappa, &mean), &target));
            let expected = -log_density(kappa, &mean, x);
            assert!(
                (loss - expected).abs() < 1e-9 * (1.0 + expected.abs()),
                "{kappa}"
            );
        }
        kappa *= 1.7;
    }
    // Peak densities known to seven digits: 0.1840655, 1.5915494, 15.915494 per steradian.
    for (kappa, peak) in [(1.0, 0.184_065_5), (10.0, 1.591_549_4), (100.0, 15.915_494)] {
        let target = f64s(&mean, [1, 3], &Device::flex());
        let loss = value(MixtureNll.forward(&one(kappa, &mean), &target));
        assert!(((-loss).exp() - peak).abs() < 1e-6 * peak);
    }
}

#[test]
fn f32_is_right_over_the_whole_range() {
    let device = Device::flex();
    let cast = |v: &[f64]| v.iter().map(|&x| x as f32).collect::<Vec<_>>();
    let mean = unit_rows(1, 3, 5);
    // 1 km from the mean.
    let (s, c) = (1.0 / 6371.0f64).sin_cos();
    let side = [mean[1], -mean[0], 0.0];
    let length = side[0].hypot(side[1]);
    let x: Vec<f64> = (0..3).map(|k| c * mean[k] + s * side[k] / length).collect();
    for kappa in [1e-6, 1e-3, 0.29, 0.31, 5.0, 1e3, 1e6] {
        let m = Tensor::<1>::from_data(cast(&mean).as_slice(), &device).reshape([1, 1, 3]);
        let t = Tensor::<1>::from_data(cast(&x).as_slice(), &device).reshape([1, 3]);
        let output = SphericalMixture {
            log_weights: Tensor::zeros([1, 1], &device),
            means: m,
            kappas: Tensor::full([1, 1], kappa, &device),
        };
        let loss = value(MixtureNll.forward(&output, &t));
        let expected = -log_density(kappa, &mean, &x);
        // At κ = 1e6 the rounding of coordinates, 3e-8, times κ · chord (1.6e-4) counts.
        assert!(
            (loss - expected).abs() < 2e-5 * (1.0 + expected.abs()),
            "{kappa}: {loss} {expected}"
        );
    }
}

#[test]
fn the_density_integrates_to_one() {
    let mean = [0.0, 0.0, 1.0];
    for kappa in [1e-6, 0.2, 3.0, 200.0] {
        // Over z = cos θ the integral is 2π ∫ f dz; midpoint rule.
        let n = 20_000;
        let sum: f64 = (0..n)
            .map(|i| {
                let z: f64 = -1.0 + 2.0 * (f64::from(i) + 0.5) / f64::from(n);
                log_density(kappa, &mean, &[(1.0 - z * z).sqrt(), 0.0, z]).exp()
            })
            .sum();
        let integral = std::f64::consts::TAU * sum * 2.0 / f64::from(n);
        assert!((integral - 1.0).abs() < 1e-3, "{kappa} {integral}");
    }
}

#[test]
fn a_mixture_equals_the_definition_and_its_gradients_finite_differences() {
    let device = Device::flex();
    let means = unit_rows(6, 3, 7);
    let targets = unit_rows(2, 3, 8);
    let kappas = [1e-4, 0.25, 40.0, 3.0, 0.31, 900.0];
    let raw = numbers(6, 9);
    let log_weights: Vec<f64> = raw
        .chunks(3)
        .flat_map(|row| {
            let sum = row.iter().map(|x| x.exp()).sum::<f64>().ln();
            row.iter().map(move |x| x - sum).collect::<Vec<_>>()
        })
        .collect();
    let expected: f64 = (0..2)
        .map(|i| {
            let p: f64 = (0..3)
                .map(|k| {
                    let (j, mean) = (3 * i + k, &means[9 * i + 3 * k..9 * i + 3 * k + 3]);
                    let density = log_density(kappas[j], mean, &targets[3 * i..3 * i + 3]);
                    (log_weights[j] + density).exp()
                })
                .sum();
            -p.ln() / 2.0
        })
        .sum();
    let output = |means: Tensor<3>, kappas: Tensor<2>| SphericalMixture {
        log_weights: f64s(&log_weights, [2, 3], &means.device()),
        means,
        kappas,
    };
    let loss = |output: &SphericalMixture| {
        let target = f64s(&targets, [2, 3], &output.means.device());
        MixtureNll.forward(output, &target)
    };
    let plain = output(
        f64s(&means, [2, 3, 3], &device),
        f64s(&kappas, [2, 3], &device),
    );
    assert!((value(loss(&plain)) - expected).abs() < 1e-9 * expected.abs().max(1.0));
    check_gradient(&means, [2, 3, 3], |m| {
        let kappas = f64s(&kappas, [2, 3], &m.device());
        loss(&output(m, kappas))
    });
    check_gradient(&kappas, [2, 3], |k| {
        let means = f64s(&means, [2, 3, 3], &k.device());
        loss(&output(means, k))
    });
}
