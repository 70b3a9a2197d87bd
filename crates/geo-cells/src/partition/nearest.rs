//! Nearest neighbour on the sphere, by chord between unit vectors.

use rstar::RTree;
use rstar::primitives::GeomWithData;

use crate::LatLng;

/// An R-tree over unit vectors; on the unit sphere the nearest by chord is the nearest.
#[derive(Debug, Clone)]
pub(crate) struct NearestIndex(RTree<GeomWithData<[f64; 3], u32>>);

impl NearestIndex {
    pub(crate) fn new(places: &[LatLng]) -> Self {
        let nodes = places
            .iter()
            .zip(0_u32..)
            .map(|(p, i)| GeomWithData::new(p.to_unit_vector(), i))
            .collect();
        Self(RTree::bulk_load(nodes))
    }

    /// Index of the nearest place and the squared chord to it; the lowest index of equals.
    pub(crate) fn nearest(&self, p: LatLng) -> Option<(usize, f64)> {
        let u = p.to_unit_vector();
        let mut found: Option<(u32, f64)> = None;
        for (node, squared) in self.0.nearest_neighbor_iter_with_distance_2(&u) {
            match found {
                Some((_, least)) if squared > least => break,
                Some((index, _)) if index < node.data => {}
                _ => found = Some((node.data, squared)),
            }
        }
        found.map(|(index, squared)| (index as usize, squared))
    }

    /// Indices of the `n` nearest places, nearest first.
    pub(crate) fn closest(&self, p: LatLng, n: usize) -> Vec<usize> {
        let u = p.to_unit_vector();
        self.0
            .nearest_neighbor_iter(&u)
            .take(n)
            .map(|node| node.data as usize)
            .collect()
    }
}
