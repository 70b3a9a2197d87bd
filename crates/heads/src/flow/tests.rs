use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{
    DecodeError, Decoder, FeatureSpec, Features, FlowSchedule, Head, HeadConfig, SphericalFlow,
    VelocityField, contract,
};
use geoloc_geo_cells::{LatLng, haversine_km};

use super::*;

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

fn small() -> FlowHeadConfig {
    FlowHeadConfig {
        blocks: 2,
        width: 8,
        expansion: 2,
    }
}

fn rows(values: &[f32], width: usize, device: &Device) -> Tensor<2> {
    let shape = [values.len() / width, width];
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// Pulls towards the north pole with strength `k` times the first number of the condition: the
/// gradient of k z, under which `atanh z` grows by k, so that the density is known.
#[derive(Module, Debug)]
struct Pull {
    k: f64,
}

impl VelocityField for Pull {
    fn velocity(&self, points: Tensor<2>, _: Tensor<2>, condition: Tensor<2>) -> Tensor<2> {
        let z = points.clone().narrow(1, 2, 1);
        let zero = z.zeros_like();
        let north = Tensor::cat(vec![zero.clone(), zero, z.ones_like()], 1);
        (north - points * z) * condition.narrow(1, 0, 1) * self.k
    }
}

/// ln p of [`Pull`]: uniform density times dz0/dz.
fn log_density_of_pull(k: f64, place: LatLng) -> f64 {
    let z = place.to_unit_vector()[2];
    let z0 = (z.atanh() - k).tanh();
    -(2.0 * std::f64::consts::TAU).ln() + ((1.0 - z0 * z0) / (1.0 - z * z)).ln()
}

fn pull(k: f64, conditions: &[f32]) -> SphericalFlow<Pull> {
    SphericalFlow {
        field: Pull { k },
        condition: rows(conditions, 1, &Device::flex()),
    }
}

#[test]
fn meets_the_contract_and_velocities_are_tangent() {
    let device = Device::flex();
    let spec = FeatureSpec::pooled(5);
    let head = small().init(&spec, &device).unwrap();
    contract::check_round_trip(head.clone(), small().init(&spec, &device).unwrap()).unwrap();
    let bad = FlowHeadConfig {
        blocks: 0,
        ..small()
    };
    assert!(bad.init(&spec, &device).is_err());
    let flow = head.forward(Features::pooled(Tensor::ones([2, 5], &device)));
    let points = rows(&[0.6, 0.0, 0.8, 0.0, -1.0, 0.0], 3, &device);
    let progress = Tensor::full([2, 1], 0.3, &device);
    let v = flow
        .field
        .velocity(points.clone(), progress, flow.condition);
    let values = v.clone().try_into_vec_as::<f32>().unwrap();
    assert!(values.iter().any(|x| x.abs() > 1e-3), "{values:?}");
    let outward = (v * points).sum_dim(1).try_into_vec_as::<f32>().unwrap();
    assert!(outward.iter().all(|x| x.abs() < 1e-6), "{outward:?}");
}

#[test]
fn the_density_is_that_of_a_flow_that_can_be_solved() {
    let places = [at(80.0, 12.0), at(-35.0, -120.0), at(-89.0, 0.0)];
    let k = 1.3;
    let likelihood = FlowLikelihood::default();
    let found = likelihood
        .log_density(&pull(k, &[1.0, 1.0, 0.0]), &places)
        .unwrap();
    for (i, (place, k)) in places.iter().zip([k, k, 0.0]).enumerate() {
        let expected = log_density_of_pull(k, *place);
        assert!(
            (found[i] - expected).abs() < 2e-4,
            "{place}: {} {expected}",
            found[i]
        );
    }
    // A bad row costs no other, and a missing place is named.
    let bad = likelihood.log_density(&pull(k, &[f32::NAN, 1.0, 1.0]), &places);
    let bad = bad.unwrap();
    assert!(bad[0].is_nan() && (bad[1] - found[1]).abs() < 1e-6);
    assert_eq!(
        likelihood.log_density(&pull(k, &[1.0, 1.0]), &places),
        Err(DecodeError::Width {
            expected: 2,
            found: 3
        })
    );
}

/// The integral over the sphere of the density of a network with random weights is 1: no formula
/// of the density that forgets a term passes this.
#[test]
fn the_density_of_a_network_integrates_to_one() {
    let device = Device::flex();
    device.seed(4);
    let mut head = small().init(&FeatureSpec::pooled(2), &device).unwrap();
    // The gates start at zero; open them.
    let open = |l: burn::nn::Linear| {
        let dims = l.weight.dims();
        let noise = Tensor::random(
            dims,
            burn::tensor::Distribution::Uniform(-0.5, 0.5),
            &device,
        );
        burn::nn::Linear {
            weight: burn::module::Param::from_tensor(noise),
            ..l
        }
    };
    for block in &mut head.network.blocks {
        block.modulation = open(block.modulation.clone());
    }
    head.network.modulation = open(head.network.modulation.clone());
    // A spiral of equal areas.
    let n = 300;
    let places: Vec<LatLng> = (0..n)
        .map(|i| {
            let z = 1.0 - (2.0 * f64::from(i) + 1.0) / f64::from(n);
            let lng = (f64::from(i) * 137.507_764) % 360.0 - 180.0;
            at(z.asin().to_degrees(), lng)
        })
        .collect();
    let flow = head.forward(Features::pooled(Tensor::full([300, 2], 0.7, &device)));
    let likelihood = FlowLikelihood {
        steps: 128,
        ..FlowLikelihood::default()
    };
    let logs = likelihood.log_density(&flow, &places).unwrap();
    let area = 2.0 * std::f64::consts::TAU / f64::from(n);
    let integral: f64 = logs.iter().map(|l| l.exp() * area).sum();
    assert!((integral - 1.0).abs() < 0.01, "{integral}");
    // It is not the uniform density.
    let spread = logs.iter().fold(0.0, |m: f64, l| m.max((l + 2.531).abs()));
    assert!(spread > 0.05, "{spread}");
}

#[test]
fn samples_follow_the_density_and_guidance_sharpens_it() {
    let n = 400;
    let sampler = FlowSampler {
        steps: 100,
        guidance: 0.0,
        ..FlowSampler::default()
    };
    let flow = pull(1.3, &[1.0, 0.0]);
    let drawn = sampler.sample(&flow, n).try_into_vec_as::<f32>().unwrap();
    let mean_z = |item: usize| {
        let own = &drawn[3 * n * item..3 * n * (item + 1)];
        own.chunks(3).map(|v| f64::from(v[2])).sum::<f64>() / n as f64
    };
    // E z = ∫ tanh(atanh z0 + k) dz0 / 2 = coth k - k / sinh² k.
    let k = 1.3f64;
    let expected = 1.0 / k.tanh() - k / k.sinh().powi(2);
    // Standard error at most √(1/3n) = 0.029.
    assert!((mean_z(0) - expected).abs() < 0.09, "{}", mean_z(0));
    assert!(mean_z(1).abs() < 0.09, "{}", mean_z(1));
    let guided = FlowSampler {
        guidance: 2.0,
        ..sampler
    };
    let pulled = guided.sample(&flow, n).try_into_vec_as::<f32>().unwrap();
    // Without a condition the field of this flow is zero: guidance 2 makes k three times as large.
    let z = pulled[..3 * n].chunks(3).map(|v| f64::from(v[2]));
    let z = z.sum::<f64>() / n as f64;
    let k = 3.9f64;
    assert!(
        (z - (1.0 / k.tanh() - k / k.sinh().powi(2))).abs() < 0.05,
        "{z}"
    );
}

#[test]
fn localizability_is_the_information_in_bits() {
    let likelihood = FlowLikelihood {
        steps: 16,
        ..FlowLikelihood::default()
    };
    let sampler = FlowSampler {
        steps: 100,
        ..FlowSampler::default()
    };
    let bits = likelihood
        .localizability(&pull(1.3, &[0.0, 1.0]), &sampler, 200)
        .unwrap();
    assert!(bits[0].abs() < 1e-4, "{bits:?}");
    // ∫ p ln(4π p): with u = z0, ln(dz0/dz) averaged over uniform z0, by the midpoint rule.
    let n = 100_000;
    let expected = (0..n)
        .map(|i| {
            let z0 = -1.0 + 2.0 * (f64::from(i) + 0.5) / f64::from(n);
            let z = (z0.atanh() + 1.3).tanh();
            ((1.0 - z0 * z0) / (1.0 - z * z)).log2() / f64::from(n)
        })
        .sum::<f64>();
    assert!((bits[1] - expected).abs() < 0.25, "{bits:?} {expected}");
}

#[test]
fn the_answer_is_where_samples_lie_closest() {
    let decoder = FlowDecoder {
        sampler: FlowSampler {
            steps: 20,
            guidance: 0.0,
            ..FlowSampler::default()
        },
        samples: 16,
        bandwidth_km: 200.0,
        keep: 3,
    };
    let answers = decoder.decode(pull(9.0, &[1.0, f32::NAN, 1.0])).unwrap();
    let first = answers[0].as_ref().unwrap();
    assert!(haversine_km(first.location, at(90.0, 0.0)) < 100.0);
    assert!((1..=3).contains(&first.candidates.len()));
    assert!(first.candidates[0].probability > 0.5);
    assert_eq!(answers[1], Err(DecodeError::NotFinite { index: 1 }));
    // What an item gets does not depend on the batch about it.
    assert_eq!(answers[2], answers[0]);
    let alone = decoder.decode(pull(9.0, &[1.0])).unwrap();
    assert_eq!(alone[0], answers[0]);
    let bad = FlowDecoder {
        sampler: FlowSampler {
            schedule: FlowSchedule {
                temperature: -1.0,
                ..FlowSchedule::default()
            },
            ..decoder.sampler
        },
        ..decoder
    };
    assert!(bad.decode(pull(9.0, &[1.0])).is_err());
}

#[test]
fn candidates_are_the_modes_of_the_samples_with_their_shares() {
    let decoder = FlowDecoder {
        bandwidth_km: 100.0,
        keep: 2,
        ..FlowDecoder::default()
    };
    // Two samples in the north, four about (0, 10), one alone.
    let samples = [
        (60.0, 100.0),
        (0.0, 10.0),
        (60.1, 100.0),
        (0.1, 10.0),
        (0.0, 10.1),
        (0.1, 10.1),
        (-40.0, -70.0),
    ];
    let row: Vec<f32> = samples
        .iter()
        .flat_map(|&(lat, lng)| at(lat, lng).to_unit_vector().map(|x| x as f32))
        .collect();
    let answer = decoder.decode_row(0, &row).unwrap();
    assert!(haversine_km(answer.location, at(0.05, 10.05)) < 5.0);
    let shares: Vec<f64> = answer.candidates.iter().map(|c| c.probability).collect();
    assert_eq!(shares.len(), 2);
    assert!((shares[0] - 4.0 / 7.0).abs() < 1e-9 && (shares[1] - 2.0 / 7.0).abs() < 1e-9);
    assert_eq!(answer.candidates[0].location, answer.location);
    assert!(haversine_km(answer.candidates[1].location, at(60.05, 100.0)) < 1.0);
    // Half of the samples lie about the answer.
    assert!(answer.radius50_km < 20.0);
}
