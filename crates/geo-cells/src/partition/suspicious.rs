//! Coordinates that look wrong.

use serde::{Deserialize, Serialize};

use crate::LatLng;

use super::fit::in_canonical_order;

/// Points at one place from which a pile-up is reported.
const PILE: usize = 100;

/// Counts of coordinates that are often mistakes. Nothing is removed: look at them first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuspiciousCoordinates {
    /// Points within 0.001 degrees of (0, 0), where lost coordinates end up.
    pub null_island: u64,
    /// Points whose two numbers are whole degrees.
    pub whole_degrees: u64,
    /// Points whose latitude equals their longitude (other than at null island).
    pub equal_numbers: u64,
    /// Points that share their exact coordinates with at least 99 others.
    pub piled_up: u64,
    /// The place with the most points, where that is a pile-up, and how many it has.
    pub largest_pile: Option<(LatLng, u64)>,
    /// Whether latitude and longitude may be swapped: no longitude leaves [-90, 90], although
    /// there are at least 100 different points, and latitudes spread more than longitudes.
    pub maybe_swapped: bool,
}

impl SuspiciousCoordinates {
    /// Looks at all points.
    #[must_use]
    pub fn find(points: &[LatLng]) -> Self {
        let count =
            |test: &dyn Fn(&LatLng) -> bool| points.iter().filter(|p| test(p)).count() as u64;
        let null = |p: &LatLng| p.lat().abs() < 1e-3 && p.lng().abs() < 1e-3;
        let ordered = in_canonical_order(points);
        let (mut piled_up, mut largest, mut different) = (0, None::<(LatLng, u64)>, 0_usize);
        for pile in ordered.chunk_by(|a, b| a == b) {
            different += 1;
            let n = pile.len() as u64;
            if pile.len() >= PILE {
                piled_up += n;
                if largest.is_none_or(|(_, most)| n > most) {
                    largest = pile.first().map(|p| (*p, n));
                }
            }
        }
        Self {
            null_island: count(&null),
            whole_degrees: count(&|p| p.lat().fract() == 0.0 && p.lng().fract() == 0.0),
            equal_numbers: count(&|p| (p.lat() - p.lng()).abs() == 0.0 && !null(p)),
            piled_up,
            largest_pile: largest,
            maybe_swapped: different >= PILE && looks_swapped(points),
        }
    }
}

/// Photos of the world spread further east to west than south to north.
fn looks_swapped(points: &[LatLng]) -> bool {
    let narrow = points.iter().all(|p| p.lng().abs() <= 90.0);
    let deviation = |value: &dyn Fn(&LatLng) -> f64| {
        let n = points.len() as f64;
        let mean = points.iter().map(value).sum::<f64>() / n;
        (points
            .iter()
            .map(|p| (value(p) - mean).powi(2))
            .sum::<f64>()
            / n)
            .sqrt()
    };
    let (lat, lng) = (deviation(&|p| p.lat()), deviation(&|p| p.lng()));
    // Only for data of the whole world: a country can be taller than wide.
    narrow && lat > lng && lat > 35.0
}

impl std::fmt::Display for SuspiciousCoordinates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "suspect   {} at (0, 0), {} of whole degrees, {} with equal numbers, {} in pile-ups",
            self.null_island, self.whole_degrees, self.equal_numbers, self.piled_up
        )?;
        if let Some((place, n)) = self.largest_pile {
            write!(f, " (largest: {n} at {place})")?;
        }
        if self.maybe_swapped {
            write!(f, "; latitude and longitude may be swapped")?;
        }
        writeln!(f)
    }
}
