//! Classes by label: cities of a data set, countries.

use crate::LatLng;

use super::fit::in_canonical_order;
use super::location::locate;
use super::named::by_label;
use super::{Anchors, CellLocation, Class, Geometry, Partition, PartitionError};

impl Partition {
    /// One class for each label, sorted by label, with the location, spread and number of its points.
    ///
    /// Points count for their label, even where another class is nearer, as at borders of countries;
    /// places without a label belong to the class whose location is nearest.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if there are no points or not one label a point.
    pub fn of_labels<S: AsRef<str>>(
        points: &[LatLng],
        labels: &[S],
        location: CellLocation,
    ) -> Result<Self, PartitionError> {
        let groups = by_label(points, labels)?;
        let (mut names, mut classes) = (Vec::new(), Vec::new());
        for (label, points) in groups {
            let vectors: Vec<[f64; 3]> = in_canonical_order(&points)
                .iter()
                .map(|p| p.to_unit_vector())
                .collect();
            if let Some(at) = locate(vectors.as_slice(), location, None) {
                names.push(label.to_owned());
                classes.push(Class {
                    location: at.location,
                    spread_km: at.spread_km,
                    count: points.len() as u64,
                });
            }
        }
        let anchors = Anchors::new(classes.iter().map(|c| c.location).collect(), None);
        Self::from_parts(&classes, Some(names), Geometry::Nearest(anchors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_count_for_their_label_and_not_for_the_nearest() {
        let at = |lat, lng| LatLng::new(lat, lng).unwrap();
        // The second "long" point is nearer to "short".
        let points = [at(0.0, 0.0), at(0.0, 20.0), at(0.0, 21.0), at(0.0, 21.0)];
        let labels = ["long", "long", "short", "short"];
        let location = CellLocation::SphericalMean;
        let partition = Partition::of_labels(&points, &labels, location).unwrap();
        assert_eq!(partition.names().unwrap(), ["long", "short"]);
        assert_eq!(partition.counts(), [2, 2]);
        assert!((partition.location(0).unwrap().lng() - 10.0).abs() < 1e-9);
        assert!(partition.spread_km(0).unwrap() > 1000.0);
        assert_eq!(partition.spread_km(1), Some(0.0));
        assert_eq!(partition.index_of(points[1]), Some(1));
        let bytes = partition.to_bytes();
        assert_eq!(Partition::from_bytes(&bytes).unwrap(), partition);
        let none: [LatLng; 0] = [];
        assert!(Partition::of_labels(&none, &labels, location).is_err());
        assert!(Partition::of_labels(&points, &labels[1..], location).is_err());
    }
}
