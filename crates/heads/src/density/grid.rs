//! The mode of neighbours on grids of degrees, for comparison with published figures.

use geoloc_core::{DecodeError, PlaceMass, estimate_about};
use geoloc_geo_cells::{EARTH_RADIUS_KM, Estimate, LatLng, haversine_km};

use super::neighbours::{Neighbour, share_within, weigh};

/// k nearest neighbours with the density of the published code (Vo, Jacobs and Hays 2017): weights
/// `d^(-power)` summed on a grid of 1 degree, a Gaussian of 4 cells along each axis, the mode; again
/// on a grid of 0.1 degree within 20 degrees of that mode with 40 cells; then the most similar
/// neighbour within 100 km of the second mode.
///
/// Degrees of longitude shrink towards the poles, and the grids end at the antimeridian: photos on
/// its two sides do not add up. [`NeighbourDensity`](super::NeighbourDensity) has neither fault; this
/// type is there for parity. *Our reading*: the Gaussian is not cut off, nothing lies beyond the
/// border of a grid, and of equal modes the southernmost and then westernmost counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GridDensity {
    /// Exponent of the distance; 10 in the published code.
    pub power: f64,
    /// Deviation of the Gaussian in degrees; 4 in the published code.
    pub sigma_deg: f64,
    /// Answers the most similar neighbour within this distance of the mode, in km; 100 in the
    /// published code. `None` answers the mode.
    pub snap_km: Option<f64>,
    /// Number of neighbours to keep as candidates.
    pub keep: usize,
}

impl Default for GridDensity {
    fn default() -> Self {
        Self {
            power: 10.0,
            sigma_deg: 4.0,
            snap_km: Some(100.0),
            keep: 5,
        }
    }
}

/// A grid of square cells in degrees.
struct Grid {
    /// South-west corner, latitude and longitude.
    corner: [f64; 2],
    /// Side of a cell.
    side: f64,
    /// Number of rows and columns.
    shape: [usize; 2],
}

impl GridDensity {
    /// The place of query number `index` from its neighbours, in any order.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NotFinite`] if a cosine is not finite, [`DecodeError::Search`] without
    /// neighbours.
    pub fn locate(&self, index: usize, neighbours: &[Neighbour]) -> Result<Estimate, DecodeError> {
        let not_finite = DecodeError::NotFinite { index };
        let (ranked, masses) = weigh(index, neighbours, self.power)?;
        let world = Grid {
            corner: [-90.0, -180.0],
            side: 1.0,
            shape: [180, 360],
        };
        let [lat, lng] = world
            .mode(&masses, self.sigma_deg)
            .ok_or(not_finite.clone())?;
        let window = Grid {
            corner: [lat - 20.0, lng - 20.0],
            side: 0.1,
            shape: [400, 400],
        };
        let [lat, lng] = window.mode(&masses, self.sigma_deg).unwrap_or([lat, lng]);
        let mode = LatLng::new(lat.clamp(-90.0, 90.0), lng).map_err(|_| not_finite.clone())?;
        let snapped = self
            .snap_km
            .and_then(|km| ranked.iter().find(|n| haversine_km(n.location, mode) <= km));
        let location = snapped.map_or(mode, |n| n.location);
        let estimate = estimate_about(location, &masses, self.keep).ok_or(not_finite)?;
        // One deviation, in km along a meridian.
        let reach_km = EARTH_RADIUS_KM * self.sigma_deg.to_radians();
        Ok(Estimate {
            probability: Some(share_within(location, reach_km, &masses)),
            ..estimate
        })
    }
}

impl Grid {
    /// Row and column of a place, `None` outside. The north pole and longitude 180 belong to the
    /// last row and column of the world.
    fn cell(&self, place: LatLng) -> Option<[usize; 2]> {
        let position = [place.lat(), place.lng()];
        let mut cell = [0; 2];
        for axis in 0..2 {
            let steps = (position[axis] - self.corner[axis]) / self.side;
            let last = self.shape[axis] as f64;
            if !(0.0..=last).contains(&steps) {
                return None;
            }
            cell[axis] = (steps as usize).min(self.shape[axis] - 1);
        }
        Some(cell)
    }

    /// Centre of the cell where the blurred weights are highest; `None` if no mass lies on the grid.
    fn mode(&self, masses: &[PlaceMass], sigma_deg: f64) -> Option<[f64; 2]> {
        let sigma = (sigma_deg / self.side).max(1e-3);
        let gauss = |length: usize, at: usize| -> Vec<f64> {
            let value = |k: usize| (-0.5 * ((k as f64 - at as f64) / sigma).powi(2)).exp();
            (0..length).map(value).collect()
        };
        // The Gaussian is a product of one along rows and one along columns.
        let kernels: Vec<[Vec<f64>; 2]> = masses
            .iter()
            .filter_map(|mass| {
                let [row, column] = self.cell(mass.location)?;
                let mut along = gauss(self.shape[0], row);
                for value in &mut along {
                    *value *= mass.probability;
                }
                Some([along, gauss(self.shape[1], column)])
            })
            .collect();
        let mut best: Option<(f64, [usize; 2])> = None;
        let mut line = vec![0.0; self.shape[1]];
        for row in 0..self.shape[0] {
            line.fill(0.0);
            for [rows, columns] in &kernels {
                // One weight for each row of the grid.
                let weight = rows.get(row).copied().unwrap_or(0.0);
                for (sum, value) in line.iter_mut().zip(columns) {
                    *sum += weight * value;
                }
            }
            for (column, &density) in line.iter().enumerate() {
                if density > best.map_or(0.0, |(highest, _)| highest) {
                    best = Some((density, [row, column]));
                }
            }
        }
        let (_, cell) = best?;
        let centre = |axis: usize| self.corner[axis] + (cell[axis] as f64 + 0.5) * self.side;
        Some([centre(0), centre(1)])
    }
}
