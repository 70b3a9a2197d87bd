//! The graph of base cells: who borders whom.

use std::collections::BTreeSet;

use crate::partition::nearest::NearestIndex;
use crate::partition::{CellIndex, Partition};

/// Nearest classes that a class with few neighbours is linked to.
const ISLAND_LINKS: usize = 4;

/// Neighbours of each class, by class: sorted, symmetric, connected.
///
/// Classes are neighbours if their cells share an edge. A class with fewer than two neighbours is
/// linked to the [`ISLAND_LINKS`] nearest by location, and parts of the world that are still apart
/// are linked where the Hilbert curve passes from one to the next.
pub(super) fn adjacency(base: &Partition, cells: &CellIndex) -> Vec<Vec<u32>> {
    let mut neighbors: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); base.len()];
    let mut link = |a: usize, b: usize| {
        if a != b {
            if let Some(set) = neighbors.get_mut(a) {
                set.insert(b as u32);
            }
            if let Some(set) = neighbors.get_mut(b) {
                set.insert(a as u32);
            }
        }
    };
    // The finer of two bordering cells finds the coarser one: its neighbour lies inside it.
    for (cell, class) in cells.iter() {
        for neighbor in cell.edge_neighbors() {
            if let Some(other) = cells.class_of(neighbor) {
                link(class, other);
            }
        }
    }
    let islands: Vec<usize> = neighbors
        .iter()
        .enumerate()
        .filter(|(_, set)| set.len() < 2)
        .map(|(class, _)| class)
        .collect();
    let nearest = NearestIndex::new(base.locations());
    let mut link = |a: usize, b: usize| {
        for (a, b) in [(a, b), (b, a)] {
            if a != b
                && let Some(set) = neighbors.get_mut(a)
            {
                set.insert(b as u32);
            }
        }
    };
    for class in islands {
        for other in base
            .location(class)
            .into_iter()
            .flat_map(|p| nearest.closest(p, ISLAND_LINKS + 1))
        {
            link(class, other);
        }
    }
    connect(&mut neighbors, cells);
    neighbors
        .into_iter()
        .map(|set| set.into_iter().collect())
        .collect()
}

fn connect(neighbors: &mut [BTreeSet<u32>], cells: &CellIndex) {
    let mut part = vec![usize::MAX; neighbors.len()];
    let mut parts = 0;
    for start in 0..neighbors.len() {
        if part[start] != usize::MAX {
            continue;
        }
        part[start] = parts;
        let mut open = vec![start];
        while let Some(class) = open.pop() {
            for &other in &neighbors[class] {
                let slot = &mut part[other as usize];
                if *slot == usize::MAX {
                    *slot = parts;
                    open.push(other as usize);
                }
            }
        }
        parts += 1;
    }
    if parts < 2 {
        return;
    }
    let order: Vec<usize> = cells.iter().map(|(_, class)| class).collect();
    for pair in order.windows(2) {
        if let &[a, b] = pair
            && part[a] != part[b]
        {
            neighbors[a].insert(b as u32);
            neighbors[b].insert(a as u32);
        }
    }
}
