//! Large regions are divided by the density of their points.

use crate::LatLng;
use crate::partition::CellLocation;
use crate::partition::location::locate;
use crate::partition::nearest::NearestIndex;

use super::optics::clusters;
use super::{OpticsRound, RegionPartition};

/// Seeds of a group's classes: one if the group stays whole. `points` are in canonical order;
/// `vertices` give a group without points its place.
pub(super) fn seeds(
    config: &RegionPartition,
    points: &[LatLng],
    vertices: &[LatLng],
) -> Vec<LatLng> {
    let mut done = Vec::new();
    divide(config, points, &config.rounds, &mut done);
    let mut seeds = settle(config, points, done);
    if seeds.is_empty() {
        // A group without points (all photos are elsewhere) still is a class.
        seeds.extend(mean(vertices));
    }
    seeds
}

/// Clusters `points` by the first round that finds at least two clusters, then each part again.
fn divide(
    config: &RegionPartition,
    points: &[LatLng],
    rounds: &[OpticsRound],
    done: &mut Vec<LatLng>,
) {
    let whole = |done: &mut Vec<LatLng>| done.extend(mean(points));
    if points.len() as u64 <= config.max_points {
        return whole(done);
    }
    let Some((round, later)) = rounds.split_first() else {
        return whole(done);
    };
    let stride = points.len().div_ceil(config.max_clustered.max(1)).max(1);
    let sample: Vec<LatLng> = points.iter().copied().step_by(stride).collect();
    // A sample of every k-th point needs a k-th of the minimum.
    let least = (config.min_points as usize).div_ceil(stride).max(1);
    let centers: Vec<LatLng> = clusters(&sample, round.min_samples, round.xi)
        .into_iter()
        .filter(|members| members.len() >= least)
        .filter_map(|members| {
            let places: Vec<LatLng> = members
                .iter()
                .filter_map(|&i| sample.get(i).copied())
                .collect();
            mean(&places)
        })
        .collect();
    if centers.len() < 2 {
        return divide(config, points, later, done);
    }
    for part in voronoi(points, &centers) {
        if !part.is_empty() {
            divide(config, &part, later, done);
        }
    }
}

/// Takes away the seed with the fewest points until all have enough, by the look-up that places
/// will use.
fn settle(config: &RegionPartition, points: &[LatLng], mut seeds: Vec<LatLng>) -> Vec<LatLng> {
    while seeds.len() > 1 {
        let parts = voronoi(points, &seeds);
        let least = parts
            .iter()
            .enumerate()
            .min_by_key(|(i, part)| (part.len(), *i));
        match least {
            Some((i, part)) if (part.len() as u64) < config.min_points.max(1) => {
                seeds.remove(i);
            }
            _ => break,
        }
    }
    seeds
}

/// The points nearest to each centre, in their order.
fn voronoi(points: &[LatLng], centers: &[LatLng]) -> Vec<Vec<LatLng>> {
    let index = NearestIndex::new(centers);
    let mut parts = vec![Vec::new(); centers.len()];
    for p in points {
        if let Some(part) = index.nearest(*p).and_then(|(i, _)| parts.get_mut(i)) {
            part.push(*p);
        }
    }
    parts
}

fn mean(points: &[LatLng]) -> Option<LatLng> {
    let vectors: Vec<[f64; 3]> = points.iter().map(|p| p.to_unit_vector()).collect();
    let located = locate(vectors.as_slice(), CellLocation::SphericalMean, None)?;
    (!points.is_empty()).then_some(located.location)
}
