//! A model that states true probabilities: classes are drawn with them.

use geoloc::core::{mix, uniform};
use geoloc::geo_cells::{LatLng, Partition, haversine_km};

use crate::methods::separable::{JITTER_KM, PHOTOS, World, normal};
use crate::outputs::Answers;

/// Simulated photos.
pub(crate) const ITEMS: u64 = 4000;
/// Answers nearer than this to the truth are right, in km.
const RIGHT_KM: f64 = 290.0;

/// Logits, the classes drawn from their softmax, and a photo of each class.
pub(crate) struct Simulation {
    pub(crate) logits: Vec<Vec<f32>>,
    pub(crate) classes: Vec<usize>,
    pub(crate) truth: Vec<LatLng>,
    /// Photos of each class.
    pub(crate) members: Vec<Vec<LatLng>>,
    /// Within this distance of the middle of a site lies half of its photos.
    pub(crate) spread_km: f64,
}

impl Simulation {
    /// Over the classes of a partition of the world; all but certain, or of all degrees of certainty.
    pub(crate) fn new(world: &World, partition: &Partition, certain: bool) -> Self {
        let mut members = vec![Vec::new(); partition.len()];
        for &place in world.places.iter() {
            if let Some(class) = partition.index_of(place) {
                members[class].push(place);
            }
        }
        Self::of(members, certain, &[1.0, 3.0, 6.0])
    }

    /// No class dominates.
    pub(crate) fn flat(world: &World, partition: &Partition, certain: bool) -> Self {
        let Self { members, .. } = Self::new(world, partition, certain);
        Self::of(members, certain, &[1.0])
    }

    /// Over the sites of the world.
    pub(crate) fn of_sites(world: &World, certain: bool) -> Self {
        let members = world.places.chunks(PHOTOS).map(<[LatLng]>::to_vec);
        Self::of(members.collect(), certain, &[1.0, 3.0, 6.0])
    }

    fn of(members: Vec<Vec<LatLng>>, certain: bool, spreads: &[f64]) -> Self {
        let n = members.len();
        let filled: Vec<usize> = (0..n).filter(|&class| !members[class].is_empty()).collect();
        let (mut logits, mut classes, mut truth) = (Vec::new(), Vec::new(), Vec::new());
        for item in 0..ITEMS {
            let seed = mix(31, item);
            let row: Vec<f64> = if certain {
                let right = filled[(mix(seed, 1) % filled.len() as u64) as usize];
                (0..n)
                    .map(|k| if k == right { 20.0 } else { 0.0 })
                    .collect()
            } else {
                let spread = spreads[item as usize % spreads.len()];
                // Classes without a photo are all but impossible: nothing could be drawn of them.
                let logit = |k: usize| {
                    if members[k].is_empty() {
                        -60.0
                    } else {
                        spread * normal(mix(seed, 100 + k as u64))
                    }
                };
                (0..n).map(logit).collect()
            };
            let class = draw(&softmax(&row), mix(seed, 2));
            let photos = &members[class];
            truth.push(photos[(mix(seed, 3) % photos.len() as u64) as usize]);
            classes.push(class);
            logits.push(row.into_iter().map(|z| z as f32).collect());
        }
        Self {
            logits,
            classes,
            truth,
            members,
            spread_km: JITTER_KM / 2f64.sqrt(),
        }
    }
}

pub(crate) fn softmax(row: &[f64]) -> Vec<f64> {
    let max = row.iter().copied().fold(f64::MIN, f64::max);
    let raw: Vec<f64> = row.iter().map(|z| (z - max).exp()).collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|x| x / total).collect()
}

/// A position drawn with these probabilities.
pub(crate) fn draw(p: &[f64], seed: u64) -> usize {
    let mut left = uniform(seed);
    for (k, p) in p.iter().enumerate() {
        left -= p;
        if left < 0.0 {
            return k;
        }
    }
    p.len() - 1
}

/// Panics unless nearly all answers are right and every right one states more than 90 %.
pub(crate) fn sure(name: &str, answers: Answers) {
    let (mut right, mut least) = (0, f64::INFINITY);
    let n = answers.truth.len();
    for (estimate, truth) in answers.estimates.into_iter().zip(answers.truth) {
        let estimate = estimate.unwrap();
        if haversine_km(estimate.location, truth) <= RIGHT_KM {
            right += 1;
            least = least.min(estimate.probability.unwrap());
        }
    }
    println!("{name}: {right} of {n} right, least probability {least}");
    assert!(right as f64 >= 0.95 * n as f64, "{name}: {right} of {n}");
    assert!(least > 0.9, "{name}: a right answer states {least}");
}

/// Share of the answers whose truth lies within the stated radius.
pub(crate) fn share_within(answers: &Answers) -> f64 {
    let pairs = answers.estimates.iter().zip(&answers.truth);
    let within = pairs.filter(|(estimate, truth)| {
        let estimate = estimate.as_ref().unwrap();
        haversine_km(estimate.location, **truth) <= estimate.radius50_km
    });
    within.count() as f64 / answers.truth.len() as f64
}

/// Panics unless the stated radii hold 50 +- 3 % of the answers.
pub(crate) fn holds_half(name: &str, answers: &Answers) {
    let held = share_within(answers);
    println!("{name}: radii hold {held:.3}");
    assert!((0.47..=0.53).contains(&held), "{name}: radii hold {held}");
}
