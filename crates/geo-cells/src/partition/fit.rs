//! Training points in given ground.

use crate::encode::leaves_of;
use crate::{CellId, LatLng};

use super::location::locate;
use super::{CellLocation, Class, Geometry, Partition, PartitionError};

/// The points in an order that depends on nothing but themselves: along the Hilbert curve, then
/// by their digits.
pub(crate) fn in_canonical_order(points: &[LatLng]) -> Vec<LatLng> {
    let mut keyed: Vec<(CellId, u64, u64)> = leaves_of(points)
        .into_iter()
        .zip(points)
        .map(|(leaf, p)| (leaf, p.lat().to_bits(), p.lng().to_bits()))
        .collect();
    keyed.sort_unstable();
    keyed
        .into_iter()
        .filter_map(|(_, lat, lng)| LatLng::new(f64::from_bits(lat), f64::from_bits(lng)).ok())
        .collect()
}

/// A partition of given ground with the counts, locations and spreads of `points`, which are in
/// canonical order; `fallback` are the places of classes without points.
pub(crate) fn fit(
    geometry: Geometry,
    fallback: &[LatLng],
    names: Option<Vec<String>>,
    points: &[LatLng],
    kind: CellLocation,
) -> Result<Partition, PartitionError> {
    let mut members: Vec<Vec<[f64; 3]>> = vec![Vec::new(); fallback.len()];
    for p in points {
        if let Some(list) = geometry
            .index_of(*p)
            .and_then(|class| members.get_mut(class))
        {
            list.push(p.to_unit_vector());
        }
    }
    let classes: Vec<Class> = members
        .iter()
        .zip(fallback)
        .enumerate()
        .map(|(class, (list, fallback))| {
            let located = locate(list.as_slice(), kind, geometry.cell(class));
            // What has no cell has the middle of its ground as its centre.
            let centred = kind == CellLocation::Centre && geometry.cell(class).is_none();
            let location = match located {
                Some(at) if !centred && !list.is_empty() => at.location,
                _ => *fallback,
            };
            Class {
                location,
                spread_km: located.map_or(0.0, |at| at.spread_km),
                count: list.len() as u64,
            }
        })
        .collect();
    Partition::from_parts(&classes, names, geometry)
}

impl Partition {
    /// The same classes with the counts, locations and spreads of other points: for ground that
    /// was read from a file, or another choice of location. Classes without points keep their
    /// location.
    ///
    /// # Errors
    ///
    /// [`PartitionError::NoPoints`] if there are none.
    pub fn refit(&self, points: &[LatLng], location: CellLocation) -> Result<Self, PartitionError> {
        if points.is_empty() {
            return Err(PartitionError::NoPoints);
        }
        fit(
            self.geometry.clone(),
            &self.locations,
            self.names.clone(),
            &in_canonical_order(points),
            location,
        )
    }
}
