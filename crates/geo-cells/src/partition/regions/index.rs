//! Look-up of places in polygons.

use rstar::{RTree, primitives::GeomWithData, primitives::Rectangle};

use crate::LatLng;
use crate::distance::chord_squared;
use crate::partition::PartitionError;

use super::{Polygon, Region};

/// Polygons in groups; the ground of a group belongs to the nearest of its classes' seeds.
#[derive(Debug, Clone)]
pub struct RegionIndex {
    polygons: Vec<Polygon>,
    group: Vec<u32>,
    members: Vec<Vec<u32>>,
    seeds: Vec<LatLng>,
    seed_vectors: Vec<[f64; 3]>,
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, u32>>,
}

impl RegionIndex {
    /// Polygons with their groups, the classes of each group, the seed of each class.
    pub(crate) fn new(
        polygons: Vec<(Polygon, u32)>,
        members: Vec<Vec<u32>>,
        seeds: Vec<LatLng>,
    ) -> Result<Self, PartitionError> {
        let classes = seeds.len();
        for &class in members.iter().flatten() {
            if class as usize >= classes {
                return Err(PartitionError::Class {
                    class: class as usize,
                    classes,
                });
            }
        }
        if let Some((_, group)) = polygons.iter().find(|(_, g)| *g as usize >= members.len()) {
            return Err(PartitionError::Class {
                class: *group as usize,
                classes: members.len(),
            });
        }
        let nodes = polygons
            .iter()
            .zip(0_u32..)
            .map(|((polygon, _), i)| {
                let [west, south, east, north] = polygon.bounds();
                GeomWithData::new(Rectangle::from_corners([west, south], [east, north]), i)
            })
            .collect();
        let (polygons, group) = polygons.into_iter().unzip();
        Ok(Self {
            polygons,
            group,
            members,
            seed_vectors: seeds.iter().map(|p| p.to_unit_vector()).collect(),
            seeds,
            tree: RTree::bulk_load(nodes),
        })
    }

    /// Each region a class of its own.
    pub(crate) fn whole(regions: &[Region]) -> Result<Self, PartitionError> {
        let polygons = regions
            .iter()
            .zip(0_u32..)
            .flat_map(|(region, i)| region.polygons.iter().map(move |p| (p.clone(), i)))
            .collect();
        let members = (0..regions.len() as u32).map(|i| vec![i]).collect();
        Self::new(polygons, members, vec![LatLng::default(); regions.len()])
    }

    /// The polygons with their groups.
    #[must_use]
    pub fn polygons(&self) -> impl ExactSizeIterator<Item = (&Polygon, usize)> + '_ {
        self.polygons
            .iter()
            .zip(self.group.iter().map(|&g| g as usize))
    }

    /// The classes that share each group of polygons.
    #[must_use]
    pub fn classes_of_group(&self, group: usize) -> Option<&[u32]> {
        self.members.get(group).map(Vec::as_slice)
    }

    /// The classes of every group.
    pub(crate) fn groups(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.members.iter().map(Vec::as_slice)
    }

    /// Number of groups.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.members.len()
    }

    /// The seed of each class: ground of a group belongs to the nearest.
    #[must_use]
    pub fn seeds(&self) -> &[LatLng] {
        &self.seeds
    }

    /// The class of a place; `None` outside all polygons. Where polygons overlap, the first.
    #[must_use]
    pub fn index_of(&self, p: LatLng) -> Option<usize> {
        let lat = p.lat();
        // Polygons that cross the antimeridian are drawn beyond 180 degrees.
        let polygon = [p.lng(), p.lng() + 360.0, p.lng() - 360.0]
            .into_iter()
            .flat_map(|lng| {
                self.tree
                    .locate_all_at_point(&[lng, lat])
                    .filter_map(move |node| {
                        let polygon = self.polygons.get(node.data as usize)?;
                        polygon.contains(lng, lat).then_some(node.data)
                    })
            })
            .min()?;
        let group = *self.group.get(polygon as usize)?;
        let u = p.to_unit_vector();
        let mut best: Option<(f64, u32)> = None;
        for &class in self.members.get(group as usize)? {
            let squared = chord_squared(u, *self.seed_vectors.get(class as usize)?);
            if best.is_none_or(|(least, _)| squared < least) {
                best = Some((squared, class));
            }
        }
        best.map(|(_, class)| class as usize)
    }
}

impl PartialEq for RegionIndex {
    fn eq(&self, other: &Self) -> bool {
        self.polygons == other.polygons
            && self.group == other.group
            && self.members == other.members
            && self.seeds == other.seeds
    }
}
