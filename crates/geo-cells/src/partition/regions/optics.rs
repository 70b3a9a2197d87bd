//! OPTICS: clusters of varying density (Ankerst, Breunig, Kriegel, Sander 1999), with clusters
//! bounded by steep areas of the reachability plot (section 4.3 there) and the correction by
//! predecessors of Schubert and Gertz (2018).

use super::OpticsRound;
use crate::LatLng;
use crate::distance::chord_squared;

/// Clusters of places by OPTICS with the steepness of `round` (Ankerst et al. 1999), as lists of
/// indices of at least `round.min_samples` places; a place may be in none.
///
/// A cluster that holds others is not reported. Distances are chords. The time is quadratic in the
/// number of places.
#[must_use]
pub fn optics_clusters(places: &[LatLng], round: OpticsRound) -> Vec<Vec<usize>> {
    clusters(places, round.min_samples, round.xi)
}

/// Order, reachability and predecessor of each point.
struct Plot {
    /// Points in the order of the walk.
    order: Vec<usize>,
    /// Reachability by position in the order; the last entry is infinite and stands for the end.
    reach: Vec<f64>,
    /// Point from which each position was reached.
    predecessor: Vec<Option<usize>>,
}

/// Clusters of at least `min_samples` points, as lists of indices; points of no cluster are in
/// none, and a cluster that holds others is not reported. Distances are chords; quadratic time.
pub(super) fn clusters(points: &[LatLng], min_samples: usize, xi: f64) -> Vec<Vec<usize>> {
    if points.len() < min_samples || min_samples < 2 {
        return Vec::new();
    }
    let vectors: Vec<[f64; 3]> = points.iter().map(|p| p.to_unit_vector()).collect();
    let plot = walk(&vectors, min_samples);
    let mut label = vec![false; points.len()];
    let mut found = Vec::new();
    // Smaller clusters come first; one that holds labelled points is a larger one around them.
    for (start, end) in steep_clusters(&plot, min_samples, xi) {
        let (Some(members), Some(taken)) =
            (plot.order.get(start..=end), label.get_mut(start..=end))
        else {
            continue;
        };
        if !taken.contains(&true) {
            taken.fill(true);
            found.push(members.to_vec());
        }
    }
    found
}

/// Walks from each point to the one that is reached most easily, the first of equals.
fn walk(vectors: &[[f64; 3]], min_samples: usize) -> Plot {
    let n = vectors.len();
    let mut reach = vec![f64::INFINITY; n];
    let mut from = vec![None; n];
    let mut left: Vec<usize> = (0..n).collect();
    let mut distances = vec![0.0; n];
    let mut ranked = Vec::with_capacity(n);
    let mut plot = Plot {
        order: Vec::with_capacity(n),
        reach: Vec::with_capacity(n + 1),
        predecessor: Vec::with_capacity(n),
    };
    while let Some(at) = (0..left.len()).min_by(|&a, &b| {
        reach[left[a]]
            .total_cmp(&reach[left[b]])
            .then(left[a].cmp(&left[b]))
    }) {
        let point = left.remove(at);
        plot.order.push(point);
        plot.reach.push(reach[point]);
        plot.predecessor.push(from[point]);
        for (d, v) in distances.iter_mut().zip(vectors) {
            *d = chord_squared(vectors[point], *v).sqrt();
        }
        ranked.clear();
        ranked.extend_from_slice(&distances);
        let (_, core, _) = ranked.select_nth_unstable_by(min_samples - 1, f64::total_cmp);
        let core = *core;
        for &other in &left {
            let reachable = distances[other].max(core);
            if reachable < reach[other] {
                reach[other] = reachable;
                from[other] = Some(point);
            }
        }
    }
    plot.reach.push(f64::INFINITY);
    plot
}

/// A steep area that goes down, where a cluster may begin.
struct Descent {
    start: usize,
    end: usize,
    /// Highest reachability after the descent.
    between: f64,
}

/// Intervals of the order that are clusters, smaller ones before those that hold them.
fn steep_clusters(plot: &Plot, min_samples: usize, xi: f64) -> Vec<(usize, usize)> {
    let reach = &plot.reach;
    let n = plot.order.len();
    let keep = 1.0 - xi;
    // Infinite next to infinite is neither up nor down.
    let ratio: Vec<f64> = (0..n).map(|i| reach[i] / reach[i + 1]).collect();
    let steep_up: Vec<bool> = ratio.iter().map(|&r| r <= keep).collect();
    let steep_down: Vec<bool> = ratio.iter().map(|&r| r >= 1.0 / keep).collect();
    let up: Vec<bool> = ratio.iter().map(|&r| r < 1.0).collect();
    let down: Vec<bool> = ratio.iter().map(|&r| r > 1.0).collect();
    let mut descents: Vec<Descent> = Vec::new();
    let mut found = Vec::new();
    let (mut index, mut between) = (0, 0.0_f64);
    for steep in 0..n {
        if !(steep_up[steep] || steep_down[steep]) || steep < index {
            continue;
        }
        between = reach[index..=steep].iter().copied().fold(between, f64::max);
        if between.is_infinite() {
            descents.clear();
        } else {
            descents.retain(|d| between <= reach[d.start] * keep);
            for d in &mut descents {
                d.between = d.between.max(between);
            }
        }
        if steep_down[steep] {
            let end = extent(&steep_down, &up, steep, min_samples);
            descents.push(Descent {
                start: steep,
                end,
                between: 0.0,
            });
            index = end + 1;
            between = reach[index];
            continue;
        }
        let end = extent(&steep_up, &down, steep, min_samples);
        index = end + 1;
        between = reach[index];
        let clusters = descents
            .iter()
            .filter_map(|d| bounded(plot, d, (steep, end), keep, min_samples))
            .collect::<Vec<_>>();
        found.extend(clusters.into_iter().rev());
    }
    found
}

/// End of the steep area that begins at `start`: it may pause for `min_samples` positions, but not
/// turn.
fn extent(steep: &[bool], turned: &[bool], start: usize, min_samples: usize) -> usize {
    let (mut end, mut pause) = (start, 0);
    for index in start..steep.len() {
        if steep[index] {
            pause = 0;
            end = index;
        } else if !turned[index] {
            pause += 1;
            if pause > min_samples {
                break;
            }
        } else {
            break;
        }
    }
    end
}

/// The cluster between a descent and an ascent, if it fulfils definition 11 of the paper.
fn bounded(
    plot: &Plot,
    descent: &Descent,
    ascent: (usize, usize),
    keep: f64,
    min_samples: usize,
) -> Option<(usize, usize)> {
    let reach = &plot.reach;
    let (mut start, mut end) = (descent.start, ascent.1);
    let after = reach[end + 1];
    if after * keep < descent.between {
        return None;
    }
    let before = reach[descent.start];
    if before * keep >= after {
        // Begins higher than it ends: start where the levels meet.
        while reach[start + 1] > after && start < descent.end {
            start += 1;
        }
    } else if after * keep >= before {
        // Ends higher than it begins: end where the levels meet.
        while end > ascent.0 && reach[end - 1] > before {
            end -= 1;
        }
    }
    let (start, end) = corrected(plot, start, end)?;
    let large_enough = end - start + 1 >= min_samples;
    (large_enough && start <= descent.end && end >= ascent.0).then_some((start, end))
}

/// Shortens the cluster until its last point was reached from inside.
fn corrected(plot: &Plot, start: usize, mut end: usize) -> Option<(usize, usize)> {
    while start < end {
        if plot.reach[start] > plot.reach[end] {
            return Some((start, end));
        }
        if let Some(from) = plot.predecessor[end]
            && plot.order[start..end].contains(&from)
        {
            return Some((start, end));
        }
        end -= 1;
    }
    None
}

#[cfg(test)]
#[path = "optics_tests.rs"]
mod tests;
