//! The merge of a graph of cells down to a number of classes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::partition::Partition;
use crate::vector::{difference, dot, normalised};

use super::{CellFeatures, GeoclassSetConfig};

/// A float with the total order of the standard.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Score(f64);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Running state of the merge; a node is named by one of the base classes in it.
pub(super) struct Merge<'a> {
    config: &'a GeoclassSetConfig,
    points: Vec<f64>,
    cells: Vec<f64>,
    /// Sum of unit vectors, weighted by points.
    position: Vec<[f64; 3]>,
    /// Mean features, `width` values a node.
    features: Vec<f32>,
    width: usize,
    neighbors: Vec<Vec<u32>>,
    /// The node that took this one in; itself while it is alive.
    owner: Vec<u32>,
    /// How often a node has changed; older entries of the queue are stale.
    version: Vec<u32>,
    scale_points: f64,
    scale_cells: f64,
    scale_features: f64,
    scale_distance: f64,
}

impl<'a> Merge<'a> {
    pub(super) fn new(
        base: &Partition,
        adjacency: &[Vec<u32>],
        features: Option<&CellFeatures>,
        config: &'a GeoclassSetConfig,
    ) -> Self {
        let n = base.len();
        let points: Vec<f64> = base.counts().iter().map(|&c| c as f64).collect();
        let position = base
            .locations()
            .iter()
            .zip(&points)
            // A class without points still has a place.
            .map(|(p, &count)| p.to_unit_vector().map(|x| x * count.max(1e-6)))
            .collect();
        let mut merge = Self {
            config,
            cells: vec![1.0; n],
            position,
            features: features.map_or_else(Vec::new, |f| f.values.clone()),
            width: features.map_or(0, |f| f.width),
            neighbors: adjacency.to_vec(),
            owner: (0..n as u32).collect(),
            version: vec![0; n],
            scale_points: 1.0 / (points.iter().sum::<f64>() / n as f64).max(1e-9),
            scale_cells: 1.0,
            scale_features: 0.0,
            scale_distance: 0.0,
            points,
        };
        merge.measure_scales();
        merge
    }

    /// Each edge term is divided by its mean over the edges of the base graph, so that weights
    /// compare.
    fn measure_scales(&mut self) {
        let (mut features, mut distance, mut edges) = (0.0, 0.0, 0.0);
        for (a, list) in self.neighbors.iter().enumerate() {
            for &b in list.iter().filter(|&&b| (b as usize) > a) {
                features += self.feature_distance(a, b as usize);
                distance += self.ground_distance(a, b as usize);
                edges += 1.0;
            }
        }
        let inverse = |sum: f64| if sum > 0.0 { edges / sum } else { 0.0 };
        self.scale_features = inverse(features);
        self.scale_distance = inverse(distance);
    }

    fn feature_distance(&self, a: usize, b: usize) -> f64 {
        let row = |k: usize| &self.features[k * self.width..(k + 1) * self.width];
        let squared: f32 = row(a)
            .iter()
            .zip(row(b))
            .map(|(x, y)| (x - y) * (x - y))
            .sum();
        f64::from(squared).sqrt()
    }

    fn ground_distance(&self, a: usize, b: usize) -> f64 {
        let unit = |k: usize| normalised(self.position[k]).unwrap_or(self.position[k]);
        let d = difference(unit(a), unit(b));
        dot(d, d).sqrt()
    }

    fn score(&self, node: usize) -> Score {
        Score(
            self.config.node_points * self.scale_points * self.points[node]
                + self.config.node_cells * self.scale_cells * self.cells[node],
        )
    }

    fn edge(&self, from: usize, to: usize) -> Score {
        let mut weight =
            self.config.edge_distance * self.scale_distance * self.ground_distance(from, to);
        if self.config.edge_features != 0.0 {
            weight +=
                self.config.edge_features * self.scale_features * self.feature_distance(from, to);
        }
        weight += self.config.edge_points * self.scale_points * self.points[to];
        Score(weight)
    }

    fn find(&mut self, node: u32) -> u32 {
        let mut root = node;
        while self.owner[root as usize] != root {
            root = self.owner[root as usize];
        }
        let mut at = node;
        while at != root {
            at = std::mem::replace(&mut self.owner[at as usize], root);
        }
        root
    }

    /// Takes the node with the least score and joins it to the neighbour over the edge of least
    /// weight, until `classes` are left. Returns the class of each base class, numbered by the
    /// first base class in them.
    pub(super) fn run(mut self) -> Vec<u32> {
        let n = self.owner.len();
        let mut queue: BinaryHeap<Reverse<(Score, u32, u32)>> = (0..n as u32)
            .map(|node| Reverse((self.score(node as usize), node, 0)))
            .collect();
        let mut alive = n;
        while alive > self.config.classes {
            let Some(Reverse((_, node, version))) = queue.pop() else {
                break;
            };
            let from = node as usize;
            if self.owner[from] != node || self.version[from] != version {
                continue;
            }
            let mut list = std::mem::take(&mut self.neighbors[from]);
            for other in &mut list {
                *other = self.find(*other);
            }
            list.sort_unstable();
            list.dedup();
            list.retain(|&other| other != node);
            let best = list
                .iter()
                .min_by_key(|&&other| (self.edge(from, other as usize), other))
                .copied();
            // Without neighbours the node stays as it is (the graph is connected: only at the end).
            let Some(best) = best else {
                continue;
            };
            let to = best as usize;
            self.absorb(from, to, list);
            alive -= 1;
            queue.push(Reverse((self.score(to), best, self.version[to])));
        }
        self.labels()
    }

    fn absorb(&mut self, from: usize, to: usize, mut list: Vec<u32>) {
        let (a, b) = (self.points[from], self.points[to]);
        let share = if a + b > 0.0 { a / (a + b) } else { 0.5 };
        for k in 0..self.width {
            let x = self.features[from * self.width + k];
            let y = &mut self.features[to * self.width + k];
            *y += (share as f32) * (x - *y);
        }
        let position = self.position[from];
        for (sum, x) in self.position[to].iter_mut().zip(position) {
            *sum += x;
        }
        self.points[to] += a;
        self.cells[to] += self.cells[from];
        self.owner[from] = to as u32;
        self.version[to] += 1;
        // The longer list grows.
        let own = &mut self.neighbors[to];
        if own.len() < list.len() {
            std::mem::swap(own, &mut list);
        }
        own.extend(list);
    }

    fn labels(mut self) -> Vec<u32> {
        let n = self.owner.len();
        let mut label = vec![u32::MAX; n];
        let mut next = 0;
        (0..n as u32)
            .map(|node| {
                let slot = &mut label[self.find(node) as usize];
                if *slot == u32::MAX {
                    *slot = next;
                    next += 1;
                }
                *slot
            })
            .collect()
    }
}
