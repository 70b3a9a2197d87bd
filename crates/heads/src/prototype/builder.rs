//! Prototypes from the training photos of each cell.

use geoloc_geo_cells::{LatLng, OpticsRound, Partition, optics_clusters};

use super::Prototype;

/// Clusters the photos of each cell by where they were taken and makes a prototype of each cluster,
/// as PIGEON (Haas et al. 2024).
///
/// Ours: a cell in which no cluster is found gets one prototype of all its photos, and photos
/// outside of all clusters of a cell that has some are left out. Of a cell with more than
/// [`max_photos`](Self::max_photos) every k-th photo is taken, because clustering takes quadratic
/// time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrototypeBuilder {
    /// Parameters of OPTICS; (3, 0.15) in PIGEON, (100, 0.1) in PIGEOTTO.
    pub round: OpticsRound,
    /// Largest number of photos of a cell that are clustered.
    pub max_photos: usize,
}

impl Default for PrototypeBuilder {
    fn default() -> Self {
        Self {
            round: OpticsRound {
                min_samples: 3,
                xi: 0.15,
            },
            max_photos: 4000,
        }
    }
}

impl PrototypeBuilder {
    /// The prototypes of each cell of `partition`, for
    /// [`PrototypeDecoder::new`](super::PrototypeDecoder::new), from embeddings and places of
    /// photos. Photos outside the partition are left out, and so is a cluster whose embeddings
    /// differ in length or are not finite.
    #[must_use]
    pub fn build(
        &self,
        partition: &Partition,
        photos: &[(Vec<f32>, LatLng)],
    ) -> Vec<Vec<Prototype>> {
        let mut of_cell: Vec<Vec<usize>> = vec![Vec::new(); partition.len()];
        for (photo, (_, place)) in photos.iter().enumerate() {
            let own = partition.index_of(*place);
            if let Some(members) = own.and_then(|cell| of_cell.get_mut(cell)) {
                members.push(photo);
            }
        }
        of_cell
            .iter()
            .map(|members| self.cell(members, photos))
            .collect()
    }

    fn cell(&self, members: &[usize], photos: &[(Vec<f32>, LatLng)]) -> Vec<Prototype> {
        let stride = members.len().div_ceil(self.max_photos.max(1)).max(1);
        let own: Vec<&(Vec<f32>, LatLng)> = members
            .iter()
            .step_by(stride)
            .filter_map(|&photo| photos.get(photo))
            .collect();
        let places: Vec<LatLng> = own.iter().map(|(_, place)| *place).collect();
        let mut clusters = optics_clusters(&places, self.round);
        if clusters.is_empty() {
            clusters.push((0..own.len()).collect());
        }
        let prototype = |cluster: &Vec<usize>| {
            let photos = cluster.iter().filter_map(|&k| own.get(k).copied().cloned());
            Prototype::new(photos.collect())
        };
        clusters.iter().filter_map(prototype).collect()
    }
}
