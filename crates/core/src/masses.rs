//! From probability masses at places to an estimate with a radius.

use geoloc_geo_cells::{Candidate, CellId, Estimate, LatLng, Partition, haversine_km};

use crate::discs::{Disc, radius_holding};

/// Probability mass spread about a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaceMass {
    /// Where the mass is centred.
    pub location: LatLng,
    /// How much; need not sum to 1 over all places.
    pub probability: f64,
    /// Distance from the centre within which half of the mass lies, in km. The mass counts as even
    /// over a disc of √2 times this radius, whose root mean squared distance it is too.
    pub spread_km: f64,
    /// The S2 cell that the mass belongs to, if it is one.
    pub cell: Option<CellId>,
    /// The class of a partition that the mass belongs to, if it is one.
    pub class: Option<usize>,
}

impl PlaceMass {
    /// The mass of a class of a partition, at its location with its spread; `None` if there is no
    /// such class.
    #[must_use]
    pub fn of_class(partition: &Partition, class: usize, probability: f64) -> Option<Self> {
        Some(Self {
            location: partition.location(class)?,
            probability,
            spread_km: partition.spread_km(class)?,
            cell: partition.cell(class),
            class: Some(class),
        })
    }

    /// A mass that belongs to no class, half of it within `spread_km`.
    #[must_use]
    pub fn at(location: LatLng, probability: f64, spread_km: f64) -> Self {
        Self {
            location,
            probability,
            spread_km,
            cell: None,
            class: None,
        }
    }
}

/// The place with most mass, the radius about it that holds 50 % of all mass, and the `keep` most
/// probable places.
///
/// Masses are normalised to sum 1. Each counts as even over a disc, see
/// [`spread_km`](PlaceMass::spread_km), and the radius is the one of the circle about the answer
/// that holds half of all discs together. Equal masses rank in the order given.
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
/// the radius is taken about `location`, and the candidates are the `keep` most probable masses. If
/// the answer is one of the places, it is among the candidates whatever its mass.
///
/// The probability of the estimate is the mass at exactly this location, `None` if there is none: a
/// decoder that answers elsewhere says itself what its answer stands for.
#[must_use]
pub fn estimate_about(location: LatLng, masses: &[PlaceMass], keep: usize) -> Option<Estimate> {
    let total: f64 = masses.iter().map(|m| m.probability).sum();
    let valid = masses.iter().all(|m| m.probability >= 0.0);
    if !valid || !total.is_finite() || total <= 0.0 {
        return None;
    }
    let mut order: Vec<&PlaceMass> = masses.iter().collect();
    order.sort_by(|a, b| b.probability.total_cmp(&a.probability));

    let discs: Vec<Disc> = masses
        .iter()
        .filter(|m| m.probability > 0.0)
        .map(|m| Disc {
            distance_km: haversine_km(location, m.location),
            radius_km: std::f64::consts::SQRT_2 * m.spread_km.max(0.0),
            share: m.probability / total,
        })
        .collect();
    let radius50_km = radius_holding(0.5, &discs);

    // The answer keeps its place in the ranking, or takes the last one.
    let own = order.iter().position(|m| m.location == location);
    if let Some(own) = own.filter(|&own| own >= keep && keep > 0) {
        order.swap(own, keep - 1);
    }
    let at_answer = || masses.iter().filter(|m| m.location == location);
    let probability = own.map(|_| at_answer().map(|m| m.probability).sum::<f64>() / total);
    let candidates = order
        .iter()
        .take(keep)
        .map(|m| Candidate {
            location: m.location,
            probability: m.probability / total,
            cell: m.cell,
            class: m.class,
        })
        .collect();
    Some(Estimate {
        location,
        radius50_km,
        probability,
        candidates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mass(lng: f64, probability: f64, spread_km: f64) -> PlaceMass {
        PlaceMass::at(LatLng::new(0.0, lng).unwrap(), probability, spread_km)
    }

    #[test]
    fn the_radius_holds_half_of_the_discs() {
        // One place alone: its spread.
        let e = estimate_from_masses(&[mass(10.0, 3.0, 40.0)], 5).unwrap();
        assert!((e.radius50_km - 40.0).abs() < 1e-4, "{}", e.radius50_km);
        assert_eq!(e.probability, Some(1.0));
        // Three quarters here: two thirds of them are half of all. A disc grows with the square.
        let e = estimate_from_masses(&[mass(0.0, 1.0, 0.0), mass(10.0, 3.0, 40.0)], 5).unwrap();
        assert_eq!(e.location, LatLng::new(0.0, 10.0).unwrap());
        let expected = 40.0 * (4.0_f64 / 3.0).sqrt();
        assert!((e.radius50_km - expected).abs() < 1e-4, "{}", e.radius50_km);
        assert!((e.candidates[0].probability - 0.75).abs() < 1e-12);
        assert!((e.probability.unwrap() - 0.75).abs() < 1e-12);
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
    fn the_probability_is_that_of_the_answer_not_of_the_first_candidate() {
        let places = [
            mass(0.0, 0.5, 1.0),
            mass(5.0, 0.3, 1.0),
            mass(9.0, 0.2, 1.0),
        ];
        let e = estimate_about(places[2].location, &places, 2).unwrap();
        assert!((e.probability.unwrap() - 0.2).abs() < 1e-12);
        assert_eq!(e.candidates.len(), 2);
        assert!((e.candidates[0].probability - 0.5).abs() < 1e-12);
        assert_eq!(e.candidate().unwrap().location, places[2].location);
        let elsewhere = estimate_about(LatLng::new(1.0, 1.0).unwrap(), &places, 2).unwrap();
        assert_eq!(elsewhere.probability, None);
        assert!(elsewhere.candidate().is_none());
        // Two classes at one location: the location has the mass of both, the candidates their own.
        let twins = [
            PlaceMass {
                class: Some(0),
                ..mass(3.0, 0.2, 1.0)
            },
            PlaceMass {
                class: Some(1),
                ..mass(3.0, 0.5, 1.0)
            },
            mass(7.0, 0.3, 1.0),
        ];
        let e = estimate_from_masses(&twins, 3).unwrap();
        assert!((e.probability.unwrap() - 0.7).abs() < 1e-12);
        assert_eq!(e.candidate().unwrap().class, Some(1));
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
