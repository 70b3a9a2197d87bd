//! How a place finds its class.

use crate::{CellId, LatLng};

use super::{Anchors, BoxIndex, CellIndex, LatLngBox, RegionIndex};

/// The ground of the classes: what a place is looked up in.
///
/// Heads and decoders need not care: [`Partition::index_of`](super::Partition::index_of) serves
/// every kind.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Geometry {
    /// Disjoint S2 cells; a class is one cell or several.
    Cells(CellIndex),
    /// Boxes of latitude and longitude.
    Boxes(BoxIndex),
    /// The ground nearest to given places.
    Nearest(Anchors),
    /// Polygons, each belonging to one class or shared by nearest seed among several.
    Regions(RegionIndex),
}

impl Geometry {
    pub(crate) fn index_of(&self, p: LatLng) -> Option<usize> {
        match self {
            Self::Cells(cells) => cells.index_of(p),
            Self::Boxes(boxes) => boxes.index_of(p),
            Self::Nearest(anchors) => anchors.index_of(p),
            Self::Regions(regions) => regions.index_of(p),
        }
    }

    pub(crate) fn cell(&self, class: usize) -> Option<CellId> {
        match self {
            Self::Cells(cells) => cells.cell(class),
            _ => None,
        }
    }

    /// Area of class `class` in km², where the kind of ground has one that is cheap to know.
    pub(crate) fn areas_km2(&self, classes: usize) -> Option<Vec<f64>> {
        match self {
            Self::Cells(cells) => {
                let mut areas = vec![0.0; classes];
                for (cell, class) in cells.iter() {
                    if let Some(area) = areas.get_mut(class) {
                        *area += cell.area_km2();
                    }
                }
                Some(areas)
            }
            Self::Boxes(boxes) => Some(boxes.boxes().iter().map(LatLngBox::area_km2).collect()),
            Self::Nearest(_) | Self::Regions(_) => None,
        }
    }
}
