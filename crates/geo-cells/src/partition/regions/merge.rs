//! Small regions join their neighbours.

use std::collections::BTreeSet;

use crate::LatLng;
use crate::distance::chord_squared;
use crate::partition::location::direction;

use super::adjacency::adjacency;
use super::{Polygon, RegionPartition};

/// A group of regions during the merge.
struct Group<'a> {
    points: u64,
    /// Sum of the unit vectors of the points; without points of the vertices.
    position: [f64; 3],
    parent: Option<&'a str>,
    neighbors: BTreeSet<usize>,
}

/// Sum of unit vectors.
fn total(places: impl Iterator<Item = [f64; 3]>) -> [f64; 3] {
    places.fold([0.0; 3], |s, u| [s[0] + u[0], s[1] + u[1], s[2] + u[2]])
}

/// The group of each region, numbered by their first region.
pub(super) fn groups(config: &RegionPartition, inside: &[Vec<LatLng>]) -> Vec<usize> {
    let neighbors = adjacency(&config.regions, config.border_deg);
    let mut groups: Vec<Option<Group<'_>>> = config
        .regions
        .iter()
        .zip(inside)
        .zip(neighbors)
        .map(|((region, points), neighbors)| {
            let vertices = || region.polygons.iter().flat_map(Polygon::vertices);
            let position = if points.is_empty() {
                // A vertex counts as next to nothing beside a point.
                total(vertices().map(LatLng::to_unit_vector)).map(|x| 1e-9 * x)
            } else {
                total(points.iter().map(|p| p.to_unit_vector()))
            };
            Some(Group {
                points: points.len() as u64,
                position,
                parent: region.parent.as_deref(),
                neighbors,
            })
        })
        .collect();
    let mut owner: Vec<usize> = (0..groups.len()).collect();
    let mut open: BTreeSet<(u64, usize)> = groups
        .iter()
        .enumerate()
        .filter_map(|(i, g)| Some((g.as_ref()?.points, i)))
        .filter(|(points, _)| *points < config.min_points)
        .collect();
    while let Some((_, from)) = open.pop_first() {
        let Some(to) = best_neighbor(&groups, from, config.min_points) else {
            // The last group of all: nothing is left to join.
            break;
        };
        let Some(taken) = groups.get_mut(from).and_then(Option::take) else {
            continue;
        };
        for &n in &taken.neighbors {
            if let Some(Some(other)) = groups.get_mut(n) {
                other.neighbors.remove(&from);
                if n != to {
                    other.neighbors.insert(to);
                }
            }
        }
        if let Some(Some(target)) = groups.get_mut(to) {
            open.remove(&(target.points, to));
            // The larger part keeps its parent.
            if taken.points > target.points {
                target.parent = taken.parent;
            }
            target.points += taken.points;
            for (sum, x) in target.position.iter_mut().zip(taken.position) {
                *sum += x;
            }
            target
                .neighbors
                .extend(taken.neighbors.into_iter().filter(|&n| n != to));
            if target.points < config.min_points {
                open.insert((target.points, to));
            }
        }
        if let Some(slot) = owner.get_mut(from) {
            *slot = to;
        }
    }
    numbered(&owner)
}

/// The neighbour to join: by kind, then by distance, then by index.
fn best_neighbor(groups: &[Option<Group<'_>>], from: usize, min_points: u64) -> Option<usize> {
    let own = groups.get(from)?.as_ref()?;
    let own_direction = direction(own.position.map(|x| x * 1e12))?;
    let rank = |i: usize, group: &Group<'_>| {
        let same = own.parent.is_some() && own.parent == group.parent;
        let small = group.points < min_points;
        let kind = match (same, small) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        // A group whose points cancel out is as far away as can be.
        let at = direction(group.position.map(|x| x * 1e12));
        (
            kind,
            at.map_or(4.0, |at| chord_squared(own_direction, at)),
            i,
        )
    };
    let least = |candidates: &mut dyn Iterator<Item = usize>, by_kind: bool| {
        candidates
            .filter(|&i| i != from)
            .filter_map(|i| {
                let (kind, squared, i) = rank(i, groups.get(i)?.as_ref()?);
                Some((if by_kind { kind } else { 0 }, squared, i))
            })
            .min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)))
            .map(|(_, _, i)| i)
    };
    least(&mut own.neighbors.iter().copied(), true).or_else(|| least(&mut (0..groups.len()), false))
}

/// Follows owners to the end and numbers the groups by their first region.
fn numbered(owner: &[usize]) -> Vec<usize> {
    let root = |mut i: usize| {
        // Owners are never cyclic: a group that was taken is never a target again.
        while let Some(&next) = owner.get(i)
            && next != i
        {
            i = next;
        }
        i
    };
    let mut number = vec![usize::MAX; owner.len()];
    let mut next = 0;
    (0..owner.len())
        .map(|i| {
            let Some(slot) = number.get_mut(root(i)) else {
                return 0;
            };
            if *slot == usize::MAX {
                *slot = next;
                next += 1;
            }
            *slot
        })
        .collect()
}
