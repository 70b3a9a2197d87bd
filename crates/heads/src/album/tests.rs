use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{DecodeError, FeatureSpec, Features, Head, HeadConfig, contract};
use geoloc_geo_cells::{LatLng, NamedPlaces, Partition, PartitionBuilder, haversine_km};

use super::markov::Chain;
use super::*;

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

fn partition(places: &[LatLng]) -> Arc<Partition> {
    let named = places.iter().enumerate().map(|(k, p)| (k.to_string(), *p));
    Arc::new(NamedPlaces::new(named.collect()).build(&[]).unwrap().0)
}

/// Numbers that repeat from run to run.
fn numbers(n: usize, seed: u64) -> Vec<f64> {
    (0..n as u64)
        .map(|k| 3.0 * geoloc_core::uniform(geoloc_core::mix(seed, k)) - 1.5)
        .collect()
}

#[test]
fn the_chain_equals_the_sum_and_the_maximum_over_all_paths() {
    // Steps with 3, 2 and 4 states.
    let sizes = [3, 2, 4];
    let chain = Chain {
        emissions: sizes.iter().map(|&n| numbers(n, n as u64)).collect(),
        transitions: vec![
            numbers(6, 7).chunks(2).map(<[f64]>::to_vec).collect(),
            numbers(8, 8).chunks(4).map(<[f64]>::to_vec).collect(),
        ],
    };
    let mut total = 0.0;
    let mut expected: Vec<Vec<f64>> = sizes.iter().map(|&n| vec![0.0; n]).collect();
    let mut best = (f64::NEG_INFINITY, vec![]);
    for a in 0..3 {
        for b in 0..2 {
            for c in 0..4 {
                let log = chain.emissions[0][a]
                    + chain.transitions[0][a][b]
                    + chain.emissions[1][b]
                    + chain.transitions[1][b][c]
                    + chain.emissions[2][c];
                total += log.exp();
                for (step, state) in [a, b, c].into_iter().enumerate() {
                    expected[step][state] += log.exp();
                }
                if log > best.0 {
                    best = (log, vec![a, b, c]);
                }
            }
        }
    }
    for (found, expected) in chain.marginals().iter().zip(&expected) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e / total).abs() < 1e-12);
        }
    }
    assert_eq!(chain.best_path(), best.1);
    let empty = Chain {
        emissions: vec![],
        transitions: vec![],
    };
    assert!(empty.marginals().is_empty() && empty.best_path().is_empty());
}

#[test]
fn densities_of_travel_integrate_to_one() {
    let mixture = SpeedMixture {
        ways: vec![(0.7, 5.0), (0.3, 50.0)],
        anywhere: 0.0,
        ..SpeedMixture::default()
    };
    for seconds in [0.0, 3600.0] {
        // On the plane: ∫ f 2π d dd.
        let h = 0.01;
        let sum: f64 = (0..200_000)
            .map(|k| (f64::from(k) + 0.5) * h)
            .map(|km| mixture.log_density(km, seconds).exp() * std::f64::consts::TAU * km * h)
            .sum();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
    }
    let radius = 6371.0;
    let trips = [(0.5, 10.0), (0.7, 20.0), (30.0, 30.0), (5000.0, 90_000.0)];
    let fit = TravelHistogram::fit(&trips, vec![60.0, 3600.0], vec![1.0, 100.0], 0.5).unwrap();
    for seconds in [5.0, 600.0, 1e6] {
        let n = 400_000;
        let antipode = std::f64::consts::PI * radius;
        let h = antipode / f64::from(n);
        let sum: f64 = (0..n)
            .map(|k| (f64::from(k) + 0.5) * h)
            .map(|km| {
                let ring = std::f64::consts::TAU * radius * (km / radius).sin() * h;
                fit.log_density(km, seconds).exp() * ring
            })
            .sum();
        assert!((sum - 1.0).abs() < 2e-2, "{seconds} {sum}");
    }
    // Two of three short trips ended within 1 km, whose area is π km²; the pseudo-count is small.
    let near = fit.log_density(0.2, 1.0).exp();
    assert!(
        (near - 2.0 / 3.5 / std::f64::consts::PI).abs() < 1e-3,
        "{near}"
    );
    // No trip took ten minutes: the uniform density.
    let earth = 4.0 * std::f64::consts::PI * radius * radius;
    let none = fit.log_density(0.2, 600.0).exp() * earth;
    assert!((none - 1.0).abs() < 1e-3, "{none}");
    assert!(TravelHistogram::fit(&trips, vec![60.0, 60.0], vec![1.0], 0.5).is_err());
    assert!(TravelHistogram::fit(&[(-1.0, 0.0)], vec![], vec![1.0], 0.5).is_err());
    assert!(TravelHistogram::fit(&trips, vec![], vec![1.0], 0.0).is_err());
}

fn photo(probabilities: [f32; 3], seconds: Option<f64>) -> AlbumPhoto {
    AlbumPhoto {
        logits: probabilities.iter().map(|p| p.ln()).collect(),
        seconds,
    }
}

#[test]
fn a_photo_is_placed_by_the_ones_about_it() {
    let places = [at(48.8, 2.3), at(40.7, -74.0), at(48.9, 2.4)];
    let mut decoder = AlbumDecoder::new(partition(&places), SpeedMixture::default());
    let paris = |t| photo([0.9, 0.05, 0.05], Some(t));
    // Alone it would be New York, by a little.
    let unsure = |t| photo([0.4, 0.5, 0.1], t);
    let hour = 3600.0;
    for rule in [AlbumRule::EachPhoto, AlbumRule::WholePath] {
        decoder.rule = rule;
        let place = |photos: &[AlbumPhoto], k: usize| {
            decoder.locate(photos).unwrap()[k]
                .as_ref()
                .unwrap()
                .location
        };
        let near = [paris(0.0), unsure(Some(hour)), paris(2.0 * hour)];
        assert!(haversine_km(place(&near, 1), places[0]) < 1.0);
        // Without a time, and when it was taken a century later, it is on its own.
        assert!(haversine_km(place(&[paris(0.0), unsure(None)], 1), places[1]) < 1.0);
        let late = [paris(0.0), unsure(Some(876_600.0 * hour))];
        assert!(haversine_km(place(&late, 1), places[1]) < 1.0);
        // An untimed photo between does not part the others.
        let parted = [paris(0.0), unsure(None), unsure(Some(hour))];
        assert!(haversine_km(place(&parted, 2), places[0]) < 1.0);
    }
    // The posterior of two photos by the definition.
    decoder.rule = AlbumRule::EachPhoto;
    let travel = SpeedMixture::default();
    let rows = [[0.9, 0.05, 0.05], [0.4, 0.5, 0.1f64]];
    let mut joint = [[0.0; 3]; 3];
    for i in 0..3 {
        let density = |j: usize| {
            travel
                .log_density(haversine_km(places[i], places[j]), hour)
                .exp()
        };
        let sum: f64 = (0..3).map(density).sum();
        for j in 0..3 {
            joint[i][j] = rows[0][i] * density(j) / sum * rows[1][j];
        }
    }
    let total: f64 = joint.iter().flatten().sum();
    let second = |j: usize| (0..3).map(|i| joint[i][j]).sum::<f64>() / total;
    let answers = decoder.locate(&[paris(0.0), unsure(Some(hour))]).unwrap();
    for candidate in &answers[1].as_ref().unwrap().candidates {
        let j = places
            .iter()
            .position(|p| haversine_km(*p, candidate.location) < 1.0)
            .unwrap();
        assert!((candidate.probability - second(j)).abs() < 1e-6);
    }
}

#[test]
fn bad_photos_are_errors_of_their_own_and_bad_times_of_the_album() {
    let places = [at(48.8, 2.3), at(40.7, -74.0), at(48.9, 2.4)];
    let decoder = AlbumDecoder::new(partition(&places), SpeedMixture::default());
    let good = photo([0.9, 0.05, 0.05], Some(5.0));
    let bad = photo([f32::NAN, 0.5, 0.5], Some(6.0));
    let answers = decoder.locate(&[good.clone(), bad, good.clone()]);
    // The last photo is before the one in the middle.
    assert_eq!(
        answers,
        Err(AlbumError::Time {
            index: 2,
            seconds: 5.0
        })
    );
    let bad = photo([f32::NAN, 0.5, 0.5], Some(5.0));
    let answers = decoder.locate(&[good.clone(), bad, good.clone()]).unwrap();
    assert_eq!(answers[1], Err(DecodeError::NotFinite { index: 1 }));
    assert!(answers[0].is_ok() && answers[2].is_ok());
    let short = AlbumPhoto {
        logits: vec![0.0],
        seconds: None,
    };
    assert!(matches!(
        decoder.locate(&[short]),
        Err(AlbumError::Photo { index: 0, .. })
    ));
    assert!(decoder.locate(&[]).unwrap().is_empty());
}

#[test]
fn the_recurrent_head_sees_earlier_photos_and_with_its_variants_later_ones() {
    let device = Device::flex();
    device.seed(2);
    let spec = FeatureSpec::pooled(4);
    let config = AlbumHeadConfig {
        cells: 3,
        hidden: 5,
        offset: 0,
        repeat: false,
        bidirectional: false,
    };
    let album = |last: f32| {
        let mut values: Vec<f32> = (0..12).map(|k| (k as f32).sin()).collect();
        values[8..].fill(last);
        Tensor::<2>::from_data(TensorData::new(values, [3, 4]), &device)
    };
    let logits = |head: &AlbumHead, last| {
        let output = head.forward(Features::pooled(album(last)));
        assert_eq!(output.0.dims(), [3, 3]);
        output.0.try_into_vec_as::<f32>().unwrap()
    };
    let differ = |a: &[f32], b: &[f32]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-6);
    let variants = [
        (0, false, false),
        (1, false, false),
        (0, true, false),
        (2, true, false),
        (0, false, true),
    ];
    for (offset, repeat, bidirectional) in variants {
        let config = AlbumHeadConfig {
            offset,
            repeat,
            bidirectional,
            ..config.clone()
        };
        let head = config.init(&spec, &device).unwrap();
        let (a, b) = (logits(&head, 0.5), logits(&head, -0.5));
        // The last photo changes its own answer, and those before only in the variants: with an
        // offset of 1 the second photo knows of the third, the first does not.
        assert!(differ(&a[6..], &b[6..]));
        let all = repeat || bidirectional;
        assert_eq!(differ(&a[3..6], &b[3..6]), offset > 0 || all);
        assert_eq!(differ(&a[..3], &b[..3]), all || offset > 1);
        contract::check_round_trip(head, config.init(&spec, &device).unwrap()).unwrap();
    }
    // Albums of a batch do not see each other.
    let head = config.init(&spec, &device).unwrap();
    let two: Tensor<3> = Tensor::cat(
        vec![album(0.5).unsqueeze_dim(0), album(-0.5).unsqueeze_dim(0)],
        0,
    );
    let features = Features {
        pooled: Tensor::zeros([2, 4], &device),
        tokens: Some(two),
    };
    let both = head.forward(features).0.try_into_vec_as::<f32>().unwrap();
    let apart = [logits(&head, 0.5), logits(&head, -0.5)].concat();
    assert!(!differ(&both, &apart));
    let bad = [
        AlbumHeadConfig {
            hidden: 0,
            ..config.clone()
        },
        AlbumHeadConfig {
            offset: 1,
            bidirectional: true,
            ..config.clone()
        },
        AlbumHeadConfig {
            repeat: true,
            bidirectional: true,
            ..config
        },
    ];
    for bad in bad {
        assert!(bad.init(&spec, &device).is_err(), "{bad:?}");
    }
}

#[test]
fn the_second_network_reads_the_album_from_its_end() {
    let device = Device::flex();
    device.seed(4);
    let config = AlbumHeadConfig {
        cells: 2,
        hidden: 3,
        offset: 0,
        repeat: false,
        bidirectional: true,
    };
    let head = config.init(&FeatureSpec::pooled(2), &device).unwrap();
    let answers = |photos: &[f32]| {
        let n = photos.len() / 2;
        let rows = Tensor::<2>::from_data(TensorData::new(photos.to_vec(), [n, 2]), &device);
        let logits = head.forward(Features::pooled(rows)).0;
        let logits = logits.try_into_vec_as::<f32>().unwrap();
        logits.chunks(2).map(<[f32]>::to_vec).collect::<Vec<_>>()
    };
    let photos = [0.3, -0.8, 1.1, 0.4, -0.6, 0.9];
    let (all, first, last) = (
        answers(&photos),
        answers(&photos[..4]),
        answers(&photos[2..]),
    );
    let middle = answers(&photos[2..4]);
    // The part of the first network depends on what is before, that of the second on what follows:
    // both changes add up, as the layer above is linear.
    for k in 0..2 {
        let (before, after) = (first[1][k] - middle[0][k], last[0][k] - middle[0][k]);
        assert!(before.abs() > 1e-4 && after.abs() > 1e-4);
        let both = all[1][k] - middle[0][k];
        assert!(
            (both - before - after).abs() < 1e-5,
            "{both} {before} {after}"
        );
    }
}
