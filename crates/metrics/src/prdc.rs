//! Precision, recall, density and coverage of a set of drawn places against a set of true ones.

use geoloc_geo_cells::LatLng;
use serde::{Deserialize, Serialize};

use crate::{Conventions, MetricError};

/// How well drawn places cover true ones, by balls that reach to the k-th nearest neighbour (Kynkäänniemi et al. 2019;
/// Naeem et al. 2020). Used to judge generative locators.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prdc {
    /// Share of drawn places that lie in the ball of some true place.
    pub precision: f64,
    /// Share of true places that lie in the ball of some drawn place.
    pub recall: f64,
    /// Mean number of balls of true places that a drawn place lies in, divided by k; may exceed 1.
    pub density: f64,
    /// Share of true places whose ball holds a drawn place.
    pub coverage: f64,
}

impl Prdc {
    /// Compares `drawn` with `truth`; distances are great circles, a ball includes its edge under `<=` conventions, its
    /// radius leaves the place itself out. Time grows with the product of the two counts.
    ///
    /// # Errors
    ///
    /// [`MetricError::Setting`] for k = 0 or a set without k other places.
    pub fn new(
        truth: &[LatLng],
        drawn: &[LatLng],
        k: usize,
        conventions: &Conventions,
    ) -> Result<Self, MetricError> {
        if k == 0 || k >= truth.len() || k >= drawn.len() {
            return Err(MetricError::Setting {
                name: "k",
                value: k as f64,
                expected: "at least 1 and less than the size of both sets",
            });
        }
        let true_radii = radii_km(truth, k, conventions);
        let drawn_radii = radii_km(drawn, k, conventions);
        let mut in_true = vec![0_usize; drawn.len()];
        let mut in_drawn = vec![false; truth.len()];
        let mut covered = vec![false; truth.len()];
        let rows = truth
            .iter()
            .zip(&true_radii)
            .zip(in_drawn.iter_mut().zip(&mut covered));
        for ((t, true_radius), (inside, covers)) in rows {
            let columns = drawn.iter().zip(&drawn_radii).zip(&mut in_true);
            for ((d, drawn_radius), count) in columns {
                let km = conventions.distance.km(*t, *d);
                if conventions.comparison.holds(km, *true_radius) {
                    *count += 1;
                    *covers = true;
                }
                *inside |= conventions.comparison.holds(km, *drawn_radius);
            }
        }
        let share = |hits: usize, n: usize| hits as f64 / n as f64;
        let balls: usize = in_true.iter().sum();
        Ok(Self {
            precision: share(in_true.iter().filter(|c| **c > 0).count(), drawn.len()),
            recall: share(in_drawn.iter().filter(|i| **i).count(), truth.len()),
            density: balls as f64 / (k * drawn.len()) as f64,
            coverage: share(covered.iter().filter(|c| **c).count(), truth.len()),
        })
    }
}

/// Distance in km of each place to the k-th nearest of the others.
fn radii_km(places: &[LatLng], k: usize, conventions: &Conventions) -> Vec<f64> {
    let radius = |(i, place): (usize, &LatLng)| {
        let others = places.iter().enumerate().filter(|(j, _)| *j != i);
        let mut km: Vec<f64> = others
            .map(|(_, other)| conventions.distance.km(*place, *other))
            .collect();
        let (_, radius, _) = km.select_nth_unstable_by(k - 1, f64::total_cmp);
        *radius
    };
    places.iter().enumerate().map(radius).collect()
}
