//! Parts of the world to search in.

mod polygon;

use geoloc_geo_cells::{Cap, CellId, Covering, CoveringError, LatLng, LatLngRect};

use crate::Place;

pub use polygon::{Polygon, PolygonError};

/// Cells that stand for a shape in the scan; more follow its outline more closely.
const COVERING_CELLS: usize = 64;

/// A set of rows by place.
///
/// Rows are kept in the order of their S2 cell ids, so a region is a few contiguous pieces of the
/// index, and only those are read.
///
/// - [`cells`](Self::cells): a row belongs if its *cell* lies in the union.
/// - [`cap`](Self::cap), [`rect`](Self::rect), [`polygon`](Self::polygon): a row belongs if its
///   *location* lies in the shape. A row whose location lies outside its own cell may be missed.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{Cap, LatLng};
/// use geoloc_retrieval::{Place, Region};
///
/// let paris = LatLng::new(48.8566, 2.3522)?;
/// let region = Region::cap(&Cap::new(paris, 20.0))?;
/// assert!(region.contains(&Place::from(LatLng::new(48.80, 2.13)?)));
/// assert!(!region.contains(&Place::from(LatLng::new(45.76, 4.84)?)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Inclusive, ascending, disjoint.
    pub(crate) ranges: Vec<(u64, u64)>,
    pub(crate) shape: Option<Shape>,
}

/// A shape on the ground.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Cap(Cap),
    Rect(LatLngRect),
    Polygon(Polygon),
}

impl Shape {
    pub(crate) fn contains(&self, p: LatLng) -> bool {
        match self {
            Self::Cap(cap) => cap.contains(p),
            Self::Rect(rect) => rect.contains(p),
            Self::Polygon(polygon) => polygon.contains(p),
        }
    }
}

impl Region {
    /// The union of S2 cells. No cells give a region without rows.
    #[must_use]
    pub fn cells(cells: &[CellId]) -> Self {
        let ranges = cells
            .iter()
            .map(|cell| (cell.range_min().raw(), cell.range_max().raw()));
        Self {
            ranges: merge(ranges.collect()),
            shape: None,
        }
    }

    /// The ground within a distance of a place.
    ///
    /// # Errors
    ///
    /// [`CoveringError`]: none with the settings used here.
    pub fn cap(cap: &Cap) -> Result<Self, CoveringError> {
        Ok(Self::shape(&covering().cap(cap)?, Shape::Cap(*cap)))
    }

    /// Between two latitudes and two longitudes.
    ///
    /// # Errors
    ///
    /// [`CoveringError`]: none with the settings used here.
    pub fn rect(rect: &LatLngRect) -> Result<Self, CoveringError> {
        Ok(Self::shape(&covering().rect(rect)?, Shape::Rect(*rect)))
    }

    /// The inside of a polygon.
    ///
    /// # Errors
    ///
    /// [`CoveringError`]: none with the settings used here.
    pub fn polygon(polygon: &Polygon) -> Result<Self, CoveringError> {
        let cells = covering().cap(&polygon.bound())?;
        Ok(Self::shape(&cells, Shape::Polygon(polygon.clone())))
    }

    fn shape(covering: &[CellId], shape: Shape) -> Self {
        let mut ranges = Vec::new();
        for cell in covering {
            ranges.push((cell.range_min().raw(), cell.range_max().raw()));
            // Rows may stand for cells larger than the covering's: their ids are the ancestors'.
            let mut level = cell.level().coarser();
            while let Some(parent) = level.and_then(|level| cell.parent(level)) {
                ranges.push((parent.raw(), parent.raw()));
                level = parent.level().coarser();
            }
        }
        Self {
            ranges: merge(ranges),
            shape: Some(shape),
        }
    }

    /// Whether a row at this place belongs to the region.
    #[must_use]
    pub fn contains(&self, place: &Place) -> bool {
        let Some(cell) = place.with_cell().cell.map(CellId::raw) else {
            return false;
        };
        let at = self.ranges.partition_point(|r| r.1 < cell);
        let in_range = self.ranges.get(at).is_some_and(|r| r.0 <= cell);
        let in_shape = |shape: &Shape| shape.contains(place.location);
        in_range && self.shape.as_ref().is_none_or(in_shape)
    }
}

fn covering() -> Covering {
    Covering {
        max_cells: COVERING_CELLS,
        ..Covering::default()
    }
}

/// Sorts ranges and joins those that touch.
fn merge(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        match merged.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => merged.push((low, high)),
        }
    }
    merged
}

#[cfg(test)]
#[path = "region_tests.rs"]
mod tests;
