//! The mode of the density of a query's nearest photos.

use geoloc_core::{DecodeError, PlaceMass, estimate_about};
use geoloc_geo_cells::{Estimate, LatLng, haversine_km};

use crate::sphere::{Kernel, highest_mode, kappa_of};

/// A photo that a search returned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Cosine between its embedding and that of the query.
    pub cosine: f64,
    /// Where it was taken.
    pub location: LatLng,
}

/// k nearest neighbours with kernel density (Vo, Jacobs and Hays 2017), on the sphere instead of
/// a grid of degrees.
///
/// A neighbour weighs `d^(-power)` with the Euclidean distance `d = √(2 - 2 cos)` of unit vectors,
/// at least 1e-6. The answer is the highest mode reached by at most 20 steps of mean shift from the
/// five heaviest neighbours, or the most similar neighbour near that mode. Its probability is the share
/// of the weights within one bandwidth of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NeighbourDensity {
    /// Exponent of the distance; 10 in the published code.
    pub power: f64,
    /// Width of the kernel along each axis, in km; 4 degrees (445 km) in the published code.
    pub bandwidth_km: f64,
    /// Answers the most similar neighbour within this distance of the mode, in km; 100 in the
    /// published code. `None` answers the mode.
    pub snap_km: Option<f64>,
    /// Number of neighbours to keep as candidates.
    pub keep: usize,
}

impl Default for NeighbourDensity {
    fn default() -> Self {
        Self {
            power: 10.0,
            bandwidth_km: 444.8,
            snap_km: Some(100.0),
            keep: 5,
        }
    }
}

impl NeighbourDensity {
    /// The place of query number `index` from its neighbours, in any order.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NotFinite`] if a cosine is not finite, [`DecodeError::Search`] without
    /// neighbours.
    pub fn locate(&self, index: usize, neighbours: &[Neighbour]) -> Result<Estimate, DecodeError> {
        let not_finite = DecodeError::NotFinite { index };
        let (ranked, masses) = weigh(index, neighbours, self.power)?;
        let kernels: Vec<Kernel> = masses
            .iter()
            .map(|m| Kernel {
                mean: m.location.to_unit_vector(),
                weight: m.probability,
                kappa: kappa_of(self.bandwidth_km),
            })
            .collect();
        let starts = kernels.iter().take(5).map(|k| k.mean);
        let mode = highest_mode(&kernels, starts, 20).ok_or(not_finite.clone())?;
        let snapped = self.snap_km.and_then(|km| {
            ranked
                .iter()
                .find(|n| haversine_km(n.location, mode.location) <= km)
        });
        let location = snapped.map_or(mode.location, |n| n.location);
        let estimate = estimate_about(location, &masses, self.keep).ok_or(not_finite)?;
        Ok(Estimate {
            probability: Some(share_within(location, self.bandwidth_km, &masses)),
            ..estimate
        })
    }
}

/// Share of the masses within `km` of a place.
pub(super) fn share_within(place: LatLng, km: f64, masses: &[PlaceMass]) -> f64 {
    let total: f64 = masses.iter().map(|m| m.probability).sum();
    let near = masses
        .iter()
        .filter(|m| haversine_km(m.location, place) <= km);
    near.map(|m| m.probability).sum::<f64>() / total
}

/// Neighbours, most similar first, and their weights `d^(-power)` relative to the nearest one, so
/// that no power overflows.
pub(super) fn weigh(
    index: usize,
    neighbours: &[Neighbour],
    power: f64,
) -> Result<(Vec<Neighbour>, Vec<PlaceMass>), DecodeError> {
    if neighbours.iter().any(|n| !n.cosine.is_finite()) {
        return Err(DecodeError::NotFinite { index });
    }
    let mut ranked = neighbours.to_vec();
    ranked.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
    let distance = |n: &Neighbour| (2.0 - 2.0 * n.cosine).max(0.0).sqrt().max(1e-6);
    let Some(nearest) = ranked.first().map(distance) else {
        return Err(DecodeError::Search {
            reason: format!("query {index} has no neighbours"),
        });
    };
    let masses = ranked
        .iter()
        .map(|n| PlaceMass::at(n.location, (nearest / distance(n)).powf(power), 0.0))
        .collect();
    Ok((ranked, masses))
}
