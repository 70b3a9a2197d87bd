//! Decoders agree with the losses of their heads: where a loss is a distance, the decoded place lies at
//! that distance from the truth, for outputs far outside the usual range too; where a loss ranks
//! places, the decoded one has the lowest.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail loudly"
)]

#[path = "../methods/mod.rs"]
mod methods;

use std::sync::{Arc, LazyLock};

use geoloc::burn::tensor::{Device, Int, Tensor, TensorData};
use geoloc::core::{
    CellFrames, CellLogits, CellOffsets, CosineLogits, Decoder, Directions, Embedding,
    GeoclassLogits, HierarchicalLogits, Loss, PlaceEmbeddings, ScaledCoordinates, SphericalMixture,
    TargetEncoder,
};
use geoloc::geo_cells::{EARTH_RADIUS_KM, Hierarchy, LatLng, Partition, haversine_km};
use geoloc::heads::cell::CellDecoder;
use geoloc::heads::combinatorial::{TupleScore, TupleVoteDecoder};
use geoloc::heads::hierarchical::HierarchicalDecoder;
use geoloc::heads::hybrid::HybridDecoder;
use geoloc::heads::mixture::MixtureDecoder;
use geoloc::heads::regression::{DirectionDecoder, ScaledCoordinatesDecoder};
use geoloc::locate::{GalleryDecoder, index_embeddings};
use geoloc::losses::{
    CellOffsetLoss, CellsWithOffsets, CrossEntropy, DirectionLoss, Discrepancy, HaversineLoss,
    MixtureNll, PlaceContrast, PlaceMask, ScaledPlaces, SummedCrossEntropy, UnitVectors,
};
use methods::devices::devices;
use methods::separable::{NUISANCE, World};
use proptest::prelude::*;

static WORLD: LazyLock<World> = LazyLock::new(|| World::new(NUISANCE));
static DEVICES: LazyLock<Vec<Device>> = LazyLock::new(devices);

/// Rounding in f32 of angles up to 60 radians, in km.
const ROUNDING_KM: f64 = 1.0;
/// Near the antipode the losses fall short by 13 km, and rounding counts for more.
const ANTIPODE_KM: f64 = 20.0;

fn place() -> impl Strategy<Value = LatLng> {
    (-90.0..=90.0, -180.0..=180.0).prop_map(|(lat, lng)| LatLng::new(lat, lng).unwrap())
}

fn row(values: &[f32], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [1, values.len()]), device)
}

fn value(loss: Tensor<1>) -> f64 {
    f64::from(loss.into_scalar::<f32>())
}

fn decoded<O>(decoder: &impl Decoder<O>, output: O) -> LatLng {
    decoder.decode(output).unwrap().remove(0).unwrap().location
}

/// Fails unless the decoded place lies at the distance from the truth that the loss says.
fn same_distance(km: f64, says_km: f64) -> Result<(), TestCaseError> {
    let far = km > 0.99 * std::f64::consts::PI * EARTH_RADIUS_KM;
    let allowed = if far { ANTIPODE_KM } else { ROUNDING_KM };
    prop_assert!(
        (km - says_km).abs() < allowed,
        "{km} km, the loss says {says_km}"
    );
    Ok(())
}

/// The position of the smallest.
fn least(values: &[f64]) -> usize {
    let all = values.iter().enumerate();
    all.min_by(|a, b| a.1.total_cmp(b.1)).unwrap().0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn scaled_coordinates_lie_where_the_haversine_loss_says(
        truth in place(),
        lat in prop_oneof![-0.5f32..1.5, -20.0f32..20.0],
        lng in prop_oneof![-0.5f32..1.5, -20.0f32..20.0],
    ) {
        for device in DEVICES.iter() {
            let output = ScaledCoordinates(row(&[lat, lng], device));
            let target = ScaledPlaces.encode(&[truth], device).unwrap();
            let says = value(HaversineLoss::default().forward(&output, &target));
            let at = decoded(&ScaledCoordinatesDecoder::default(), output);
            same_distance(haversine_km(at, truth), says)?;
        }
    }

    #[test]
    fn directions_lie_where_their_losses_say(
        truth in place(),
        x in -1.0f64..1.0,
        y in -1.0f64..1.0,
        z in -1.0f64..1.0,
    ) {
        let length = (x * x + y * y + z * z).sqrt();
        prop_assume!(length > 1e-3);
        let unit = [x, y, z].map(|v| (v / length) as f32);
        for device in DEVICES.iter() {
            let output = || Directions(row(&unit, device));
            let target = UnitVectors.encode(&[truth], device).unwrap();
            let loss = |discrepancy| {
                value(DirectionLoss { discrepancy }.forward(&output(), &target))
            };
            let km = haversine_km(decoded(&DirectionDecoder::default(), output()), truth);
            same_distance(km, EARTH_RADIUS_KM * loss(Discrepancy::Angle))?;
            // Half the squared chord is 1 - cos θ.
            let cosine = (km / EARTH_RADIUS_KM).cos();
            prop_assert!((1.0 - cosine - loss(Discrepancy::HalfSquaredChord)).abs() < 1e-5);
            let scale_km = 1492.7;
            let lost = 1.0 - (-km / scale_km).exp();
            let says = loss(Discrepancy::Score { scale_km });
            prop_assert!((lost - says).abs() < 1e-3);
        }
    }

    #[test]
    fn a_mixture_of_one_is_likeliest_where_it_is_decoded(
        mean in place(),
        near in place(),
        far in place(),
        log_kappa in -2.0f64..5.0,
    ) {
        for device in DEVICES.iter() {
            let output = || SphericalMixture {
                log_weights: row(&[0.0], device),
                means: row(&mean.to_unit_vector().map(|v| v as f32), device).reshape([1, 1, 3]),
                kappas: row(&[log_kappa.exp() as f32], device),
            };
            let at = decoded(&MixtureDecoder::default(), output());
            let nll = |truth: LatLng| {
                let target = UnitVectors.encode(&[truth], device).unwrap();
                value(MixtureNll.forward(&output(), &target))
            };
            let (a, b) = (haversine_km(at, near), haversine_km(at, far));
            // Equal distances, give or take rounding, say nothing.
            if (a - b).abs() > 200.0 {
                prop_assert_eq!(a < b, nll(near) < nll(far));
            }
        }
    }

    #[test]
    fn an_offset_without_error_is_decoded_to_the_truth(
        row_of in 0usize..1800,
        weight in 0.1f64..10.0,
    ) {
        let frames = CellFrames::new(WORLD.spaces.cells.clone(), 25.0);
        let truth = WORLD.places[row_of];
        let cells = frames.partition().len();
        let class = frames.partition().index_of(truth).unwrap();
        for device in DEVICES.iter() {
            let target = CellsWithOffsets { frames: frames.clone() };
            let target = target.encode(&[truth], device).unwrap();
            let mut logits = vec![0.0; cells];
            logits[class] = 40.0;
            let own: Vec<f32> = target.offsets.clone().try_into_vec_as().unwrap();
            prop_assume!(own.iter().all(|x| x.abs() < 1.19));
            let output = || CellOffsets {
                logits: row(&logits, device),
                offsets: row(&own.repeat(cells), device).reshape([1, cells, 2]),
            };
            let loss = CellOffsetLoss { offset_weight: weight };
            prop_assert!(value(loss.forward(&output(), &target)) < 1e-4);
            let at = decoded(&HybridDecoder::new(frames.clone(), 1), output());
            prop_assert!(haversine_km(at, truth) < 0.1);
        }
    }

    #[test]
    fn the_decoded_cell_is_the_one_of_the_lowest_cross_entropy(
        seed in any::<u64>(),
        spread in prop_oneof![0.1f32..5.0, 50.0f32..500.0],
    ) {
        let cells = &WORLD.spaces.cells;
        let logits = numbers(seed, cells.len(), spread);
        for device in DEVICES.iter() {
            let output = || CellLogits(row(&logits, device));
            let cosine = || CosineLogits {
                cosine: row(&logits, device),
                scale: Tensor::full([1], 3.0, device),
            };
            let classes = 0..cells.len();
            let (plain, scaled): (Vec<f64>, Vec<f64>) = classes.map(|class| {
                let target = Tensor::<1, Int>::from_data([class as i32], device);
                let loss = CrossEntropy::default();
                (value(loss.forward(&output(), &target)), value(loss.forward(&cosine(), &target)))
            }).unzip();
            let decoder = CellDecoder::new(cells.clone(), 1);
            prop_assert_eq!(decoded(&decoder, output()), at(cells, least(&plain)));
            prop_assert_eq!(decoded(&decoder, cosine()), at(cells, least(&scaled)));
        }
    }

    #[test]
    fn the_product_along_ancestors_is_the_lowest_summed_loss(
        seed in any::<u64>(),
        spread in 0.1f32..20.0,
    ) {
        let hierarchy = &WORLD.spaces.hierarchy;
        let finest = hierarchy.finest();
        let levels: Vec<Vec<f32>> = hierarchy
            .partitions()
            .zip(0u64..)
            .map(|(level, k)| numbers(seed ^ k, level.len(), spread))
            .collect();
        for device in DEVICES.iter() {
            let output = || HierarchicalLogits(levels.iter().map(|l| row(l, device)).collect());
            let losses: Vec<f64> = (0..finest.len())
                .map(|cell| {
                    let classes = ancestors(hierarchy, cell);
                    let target = TensorData::new(classes.clone(), [1, classes.len()]);
                    let target = Tensor::<2, Int>::from_data(target, device);
                    value(SummedCrossEntropy::default().forward(&output(), &target))
                })
                .collect();
            let decoder = HierarchicalDecoder::new(hierarchy.clone(), 1);
            let at = decoded(&decoder, output());
            // Of losses that rounding cannot tell apart, any.
            let lowest = losses[least(&losses)];
            let own = (0..finest.len()).filter(|&c| finest.location(c) == Some(at));
            let own = own.map(|c| losses[c]).fold(f64::INFINITY, f64::min);
            prop_assert!(own - lowest < 1e-4 * (1.0 + lowest), "{} {}", own, lowest);
        }
    }

    #[test]
    fn the_probability_of_a_tuple_is_its_likelihood(
        seed in any::<u64>(),
        spread in 0.1f32..6.0,
    ) {
        let sets = &WORLD.spaces.sets;
        let logits: Vec<Vec<f32>> = (0..sets.set_count())
            .map(|set| numbers(seed ^ set as u64, sets.set(set).unwrap().len(), spread))
            .collect();
        for device in DEVICES.iter() {
            let output = || GeoclassLogits(logits.iter().map(|l| row(l, device)).collect());
            // e^(-loss) of each tuple, over the sum of all that occur.
            let fine = sets.fine().len();
            let likelihood: Vec<f64> = (0..fine)
                .map(|f| {
                    let tuple: Vec<i32> = sets.tuple(f).unwrap().iter().map(|&c| c as i32).collect();
                    let target = TensorData::new(tuple.clone(), [1, tuple.len()]);
                    let target = Tensor::<2, Int>::from_data(target, device);
                    (-value(SummedCrossEntropy::default().forward(&output(), &target))).exp()
                })
                .collect();
            let total: f64 = likelihood.iter().sum();
            let decoder = TupleVoteDecoder::new(sets.clone(), TupleScore::SimpleSum, fine);
            let answer = decoder.decode(output()).unwrap().remove(0).unwrap();
            for candidate in &answer.candidates {
                let expected = likelihood[candidate.class.unwrap()] / total;
                prop_assert!((candidate.probability - expected).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn the_place_of_the_lowest_contrast_is_the_answer_of_the_gallery(seed in any::<u64>()) {
        let places: Arc<[LatLng]> = WORLD.sites.clone().into();
        let (dim, n) = (8, places.len());
        let vectors: Vec<f32> = (0..=n).flat_map(|k| unit(seed ^ (k as u64) << 32, dim)).collect();
        let (image, gallery) = vectors.split_at(dim);
        for device in DEVICES.iter() {
            // Each place in turn as the right one, which the loss puts first.
            let losses: Vec<f64> = (0..n)
                .map(|right| {
                    let mut rows: Vec<&[f32]> = gallery.chunks(dim).collect();
                    rows.swap(0, right);
                    let embeddings = PlaceEmbeddings {
                        image: row(image, device),
                        places: row(&rows.concat(), device).reshape([n, dim]),
                        scale: Tensor::full([1], 20.0, device),
                    };
                    value(PlaceContrast.forward(&embeddings, &PlaceMask { ignore: None }))
                })
                .collect();
            let index = Arc::new(index_embeddings(gallery, dim).unwrap());
            let decoder = GalleryDecoder::new(index, places.clone(), 20.0, 1.0, n);
            let answer = decoder.decode(Embedding(row(image, device))).unwrap();
            let answer = answer[0].as_ref().unwrap();
            let best = least(&losses);
            prop_assert_eq!(answer.location, places[best]);
            prop_assert!((answer.probability.unwrap() - (-losses[best]).exp()).abs() < 1e-4);
        }
    }
}

fn at(partition: &Partition, class: usize) -> LatLng {
    partition.location(class).unwrap()
}

/// The cell of each level above a finest cell, and itself.
fn ancestors(hierarchy: &Hierarchy, cell: usize) -> Vec<i32> {
    let level = |l| hierarchy.ancestors(l).unwrap()[cell] as i32;
    (0..hierarchy.depth()).map(level).collect()
}

/// Normal numbers of a deviation.
fn numbers(seed: u64, n: usize, spread: f32) -> Vec<f32> {
    let number = |k| spread * methods::separable::normal(geoloc::core::mix(seed, k)) as f32;
    (0..n as u64).map(number).collect()
}

fn unit(seed: u64, dim: usize) -> Vec<f32> {
    let raw = numbers(seed, dim, 1.0);
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    raw.iter().map(|x| x / length).collect()
}
