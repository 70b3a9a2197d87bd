//! Classes with names: cities, sights, sites.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::LatLng;

use super::fit::{fit, in_canonical_order};
use super::location::locate;
use super::report::ReportParts;
use super::{
    Anchors, CellLocation, DropReason, Dropped, Geometry, Partition, PartitionBuilder,
    PartitionError, PartitionReport,
};

/// Named places; ground belongs to the nearest one, at most `max_km` away where that is set.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, NamedPlaces, PartitionBuilder};
///
/// let mut cities = NamedPlaces::new(vec![
///     ("Paris".into(), LatLng::new(48.8566, 2.3522)?),
///     ("London".into(), LatLng::new(51.5074, -0.1278)?),
/// ]);
/// cities.max_km = Some(100.0);
/// let points = [LatLng::new(48.80, 2.13)?, LatLng::new(45.76, 4.84)?];
/// let (partition, report) = cities.build(&points)?;
/// assert_eq!(partition.index_of(points[0]).and_then(|i| partition.name(i)), Some("Paris"));
/// assert_eq!(report.dropped[0].points, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedPlaces {
    /// Names with their places; names must differ.
    pub places: Vec<(String, LatLng)>,
    /// Distance in km beyond which a point belongs to no class.
    pub max_km: Option<f64>,
    /// Places with fewer points are left out; 0 keeps those without points.
    pub drop_below: u64,
    /// Which place stands for a class; without points it is the named place.
    pub location: CellLocation,
}

impl NamedPlaces {
    /// All places are classes, without a limit of distance.
    #[must_use]
    pub fn new(places: Vec<(String, LatLng)>) -> Self {
        Self {
            places,
            max_km: None,
            drop_below: 0,
            location: CellLocation::SphericalMean,
        }
    }

    /// Places from labelled points: each label stands at the spherical mean of its points. Labels
    /// are sorted.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if there are no points or not one label a point.
    pub fn from_labels<S: AsRef<str>>(
        points: &[LatLng],
        labels: &[S],
    ) -> Result<Self, PartitionError> {
        let groups = by_label(points, labels)?;
        let places = groups
            .into_iter()
            .filter_map(|(label, points)| {
                let vectors: Vec<[f64; 3]> = in_canonical_order(&points)
                    .iter()
                    .map(|p| p.to_unit_vector())
                    .collect();
                let at = locate(vectors.as_slice(), CellLocation::SphericalMean, None)?;
                Some((label.to_owned(), at.location))
            })
            .collect();
        Ok(Self::new(places))
    }
}

/// The points of each label, labels sorted.
///
/// # Errors
///
/// [`PartitionError`] if there are no points or not one label a point.
pub(super) fn by_label<'a, S: AsRef<str>>(
    points: &[LatLng],
    labels: &'a [S],
) -> Result<BTreeMap<&'a str, Vec<LatLng>>, PartitionError> {
    if points.is_empty() {
        return Err(PartitionError::NoPoints);
    }
    if points.len() != labels.len() {
        return Err(PartitionError::Length {
            what: "labels",
            expected: points.len(),
            actual: labels.len(),
        });
    }
    let mut groups: BTreeMap<&str, Vec<LatLng>> = BTreeMap::new();
    for (p, label) in points.iter().zip(labels) {
        groups.entry(label.as_ref()).or_default().push(*p);
    }
    Ok(groups)
}

impl PartitionBuilder for NamedPlaces {
    fn build(&self, points: &[LatLng]) -> Result<(Partition, PartitionReport), PartitionError> {
        if self.places.is_empty() {
            return Err(PartitionError::Length {
                what: "named places",
                expected: 1,
                actual: 0,
            });
        }
        if points.is_empty() && self.drop_below > 0 {
            return Err(PartitionError::NoPoints);
        }
        if let Some(value) = self.max_km
            && (value.is_nan() || value <= 0.0)
        {
            return Err(PartitionError::Option {
                option: "max_km",
                value,
                requirement: "positive",
            });
        }
        let mut names: Vec<&str> = self.places.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(PartitionError::DuplicateName {
                name: pair[0].to_owned(),
            });
        }
        let ordered = in_canonical_order(points);
        let mut small = Dropped {
            reason: DropReason::SmallCell,
            points: 0,
            cells: 0,
        };
        let mut kept = self.places.clone();
        let anchors = anchors_of(&kept, self.max_km);
        if self.drop_below > 0 {
            // Ground of places that are left out belongs to nobody's class but the next nearest:
            // only the counts of the first round decide.
            let counts = count(&anchors, &ordered, kept.len());
            for n in counts.iter().filter(|n| **n < self.drop_below && **n > 0) {
                small.points += n;
                small.cells += 1;
            }
            let mut counts = counts.into_iter();
            kept.retain(|_| counts.next().is_some_and(|n| n >= self.drop_below));
        }
        if kept.is_empty() {
            return Err(PartitionError::NoClasses {
                points: points.len() as u64,
                drop_below: self.drop_below,
            });
        }
        let (names, fallback): (Vec<String>, Vec<LatLng>) = kept.iter().cloned().unzip();
        let anchors = anchors_of(&kept, self.max_km);
        let partition = fit(
            Geometry::Nearest(anchors),
            &fallback,
            Some(names),
            &ordered,
            self.location,
        )?;
        let placed: u64 = partition.counts().iter().sum();
        let outside = points.len() as u64 - placed;
        // Points of a place that was left out may have joined the next nearest.
        small.points = small.points.min(outside);
        let far = Dropped {
            reason: DropReason::TooFar,
            points: outside - small.points,
            cells: 0,
        };
        let report = ReportParts {
            builder: format!(
                "{} named places, nearest{}",
                self.places.len(),
                self.max_km
                    .map_or(String::new(), |km| format!(" within {km} km"))
            ),
            points: points.len() as u64,
            dropped: vec![small, far],
        }
        .report_with(&partition, points);
        Ok((partition, report))
    }
}

fn anchors_of(places: &[(String, LatLng)], max_km: Option<f64>) -> Anchors {
    Anchors::new(places.iter().map(|(_, p)| *p).collect(), max_km)
}

fn count(anchors: &Anchors, points: &[LatLng], classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes];
    for p in points {
        if let Some(n) = anchors.index_of(*p).and_then(|class| counts.get_mut(class)) {
            *n += 1;
        }
    }
    counts
}

#[cfg(test)]
#[path = "named_tests.rs"]
mod tests;
