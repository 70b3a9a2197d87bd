//! Classes joined to larger ones.

use crate::vector::{difference, dot};
use crate::{EARTH_RADIUS_KM, LatLng};

use super::location::direction;
use super::{CellIndex, Class, Geometry, Partition, PartitionError};

impl Partition {
    /// The partition whose class `class_of[i]` takes in class `i` of this one.
    ///
    /// Where locations are spherical means (the default of the builders), the joined location and
    /// spread are those of all training points together: with s the spread on the unit sphere, a
    /// class of n points at m has the vector sum n (1 - s²/2) m, and its mean squared chord to
    /// another place M is s² + (1 - s²/2) |m - M|².
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if `class_of` does not have one entry a class, leaves out a number below
    /// its largest, or the partition is not one of S2 cells.
    pub fn join(&self, class_of: &[u32]) -> Result<Self, PartitionError> {
        let Geometry::Cells(cells) = self.geometry() else {
            return Err(PartitionError::NotCells {
                operation: "joining classes",
            });
        };
        if class_of.len() != self.len() {
            return Err(PartitionError::Length {
                what: "classes to join",
                expected: self.len(),
                actual: class_of.len(),
            });
        }
        let classes = class_of.iter().max().map_or(0, |&c| c as usize + 1);
        // A class number that skips values would make empty classes.
        if classes > self.len() {
            return Err(PartitionError::Class {
                class: classes - 1,
                classes: self.len(),
            });
        }
        let pooled = self.pool(class_of, classes)?;
        let joined = cells
            .iter()
            .filter_map(|(cell, class)| Some((cell, *class_of.get(class)?)))
            .collect();
        let index = CellIndex::new(joined, classes)?;
        Self::from_parts(&pooled, None, Geometry::Cells(index))
    }

    fn pool(&self, class_of: &[u32], classes: usize) -> Result<Vec<Class>, PartitionError> {
        let mut members = vec![Vec::new(); classes];
        for (i, &class) in class_of.iter().enumerate() {
            if let Some(list) = members.get_mut(class as usize) {
                list.push(i);
            }
        }
        members
            .iter()
            .enumerate()
            .map(|(class, list)| {
                let parts: Vec<Part> = list.iter().filter_map(|&i| self.part(i)).collect();
                pool_parts(&parts).ok_or(PartitionError::Class { class, classes })
            })
            .collect()
    }

    fn part(&self, i: usize) -> Option<Part> {
        Some(Part {
            location: self.location(i)?,
            spread: self.spread_km(i)? / EARTH_RADIUS_KM,
            count: self.count(i)?,
        })
    }
}

/// A class on the unit sphere.
struct Part {
    location: LatLng,
    spread: f64,
    count: u64,
}

/// All parts as one class; `None` if there are none.
fn pool_parts(parts: &[Part]) -> Option<Class> {
    if let [only] = parts {
        return Some(Class {
            location: only.location,
            spread_km: only.spread * EARTH_RADIUS_KM,
            count: only.count,
        });
    }
    let count: u64 = parts.iter().map(|p| p.count).sum();
    let first = parts.first()?.location.to_unit_vector();
    // Without points every part counts once.
    let weight = |p: &Part| if count == 0 { 1.0 } else { p.count as f64 };
    let length = |p: &Part| 1.0 - 0.5 * p.spread * p.spread;
    let (mut sum, mut total) = ([0.0; 3], 0.0);
    for part in parts {
        let u = part.location.to_unit_vector();
        total += weight(part);
        for (s, x) in sum.iter_mut().zip(u) {
            *s += weight(part) * length(part) * x;
        }
    }
    let mean = direction(sum.map(|s| s / total)).unwrap_or(first);
    let location = LatLng::from_vector(mean)?;
    let mean_squared: f64 = parts
        .iter()
        .map(|p| {
            let d = difference(p.location.to_unit_vector(), mean);
            weight(p) * (p.spread * p.spread + length(p).max(0.0) * dot(d, d)) / total
        })
        .sum();
    Some(Class {
        location,
        spread_km: if count == 0 {
            0.0
        } else {
            mean_squared.sqrt() * EARTH_RADIUS_KM
        },
        count,
    })
}
