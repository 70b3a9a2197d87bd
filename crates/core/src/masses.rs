//! From probability masses at places to an estimate with a radius.

use geoloc_geo_cells::{Candidate, CellId, Estimate, LatLng, haversine_km};

/// Probability mass spread about a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaceMass {
    /// Where the mass is centred.
    pub location: LatLng,
    /// How much; need not sum to 1 over all places.
    pub probability: f64,
    /// Typical distance of the mass from its centre, in km.
    pub spread_km: f64,
    /// The S2 cell that the mass belongs to, if it is one.
    pub cell: Option<CellId>,
}

/// The place with most mass, the radius about it that holds 50 % of all mass, and the `keep` most
/// probable places.
///
/// Masses are normalised to sum 1. The mass of place `i` counts as lying at the distance
/// `sqrt(d² + s²)` from the answer, where `d` is the great-circle distance of its centre and `s`
/// its spread. Equal masses rank in the order given.
///
/// Returns `None` if there is no place, or if the masses are not finite, negative or all zero.
#[must_use]
pub fn estimate_from_masses(masses: &[PlaceMass], keep: usize) -> Option<Estimate> {
    let mut best = masses.first()?;
    for mass in masses {
        if mass.probability > best.probability {
            best = mass;
        }
    }
    estimate_about(best.location, masses, keep)
}

/// As [`estimate_from_masses`], for an answer that was found otherwise, as the mode of a density:
/// the radius is taken about `location`, and the candidates are the `keep` most probable masses.
#[must_use]
pub fn estimate_about(location: LatLng, masses: &[PlaceMass], keep: usize) -> Option<Estimate> {
    let total: f64 = masses.iter().map(|m| m.probability).sum();
    let valid = masses.iter().all(|m| m.probability >= 0.0);
    if !valid || !total.is_finite() || total <= 0.0 {
        return None;
    }
    let mut order: Vec<&PlaceMass> = masses.iter().collect();
    order.sort_by(|a, b| b.probability.total_cmp(&a.probability));

    let mut by_distance: Vec<(f64, f64)> = masses
        .iter()
        .filter(|m| m.probability > 0.0)
        .map(|m| {
            let distance = haversine_km(location, m.location).hypot(m.spread_km);
            (distance, m.probability / total)
        })
        .collect();
    by_distance.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut held = 0.0;
    let mut radius50_km = 0.0;
    for (distance, probability) in by_distance {
        radius50_km = distance;
        held += probability;
        if held >= 0.5 {
            break;
        }
    }
    let candidates = order
        .iter()
        .take(keep)
        .map(|m| Candidate {
            location: m.location,
            probability: m.probability / total,
            cell: m.cell,
        })
        .collect();
    Some(Estimate {
        location,
        radius50_km,
        candidates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mass(lng: f64, probability: f64, spread_km: f64) -> PlaceMass {
        PlaceMass {
            location: LatLng::new(0.0, lng).unwrap(),
            probability,
            spread_km,
            cell: None,
        }
    }

    #[test]
    fn radius_is_the_own_spread_when_one_place_holds_half() {
        let e = estimate_from_masses(&[mass(0.0, 1.0, 0.0), mass(10.0, 3.0, 40.0)], 5).unwrap();
        assert_eq!(e.location, LatLng::new(0.0, 10.0).unwrap());
        assert!((e.radius50_km - 40.0).abs() < 1e-9);
        assert!((e.candidates[0].probability - 0.75).abs() < 1e-12);
    }

    #[test]
    fn radius_reaches_the_place_that_completes_half() {
        let places = [
            mass(0.0, 0.4, 0.0),
            mass(1.0, 0.3, 0.0),
            mass(90.0, 0.3, 0.0),
        ];
        let e = estimate_from_masses(&places, 1).unwrap();
        assert_eq!(e.candidates.len(), 1);
        // One degree on the equator.
        assert!((e.radius50_km - 111.195).abs() < 1e-2);
    }

    #[test]
    fn ties_rank_in_the_order_given_and_bad_masses_give_nothing() {
        let e = estimate_from_masses(&[mass(5.0, 1.0, 0.0), mass(6.0, 1.0, 0.0)], 2).unwrap();
        assert_eq!(e.location, LatLng::new(0.0, 5.0).unwrap());
        assert!(estimate_from_masses(&[], 1).is_none());
        assert!(estimate_from_masses(&[mass(0.0, 0.0, 0.0)], 1).is_none());
        assert!(estimate_from_masses(&[mass(0.0, f64::NAN, 0.0)], 1).is_none());
        assert!(estimate_from_masses(&[mass(0.0, -1.0, 0.0), mass(0.0, 2.0, 0.0)], 1).is_none());
    }
}
