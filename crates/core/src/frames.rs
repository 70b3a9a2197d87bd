//! Local frames of cells: what an offset within a cell means, to targets and decoders alike.

use std::sync::Arc;

use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng, Partition};

/// For each cell of a partition the tangent plane at its place, scaled by the reach of the cell.
///
/// An offset is (east, north) in units of the reach, along the great circle that leaves the place
/// in that direction: there is no seam at the antimeridian and no stretching at the poles.
#[derive(Clone, Debug)]
pub struct CellFrames {
    partition: Arc<Partition>,
    reach_km: Vec<f64>,
}

impl CellFrames {
    /// Offsets lie in `[-LIMIT, LIMIT]`: a fifth more than the reach, as OSV-5M (Astruc et al.
    /// 2024).
    pub const LIMIT: f64 = 1.2;

    /// The reach of a cell is twice its spread, which by Chebyshev's inequality covers at least
    /// three quarters of its training photos, and at least `min_reach_km`.
    #[must_use]
    pub fn new(partition: Arc<Partition>, min_reach_km: f64) -> Self {
        let reach_km = (0..partition.len())
            .map(|class| {
                let spread = partition.spread_km(class).unwrap_or(0.0);
                (2.0 * spread).max(min_reach_km).max(1e-3)
            })
            .collect();
        Self {
            partition,
            reach_km,
        }
    }

    /// The partition whose cells these are.
    #[must_use]
    pub fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    /// Reach of a cell in km.
    #[must_use]
    pub fn reach_km(&self, class: usize) -> Option<f64> {
        self.reach_km.get(class).copied()
    }

    /// The place at `offset` (east, north) from the place of cell `class`: the exponential map.
    ///
    /// `None` if there is no such cell or the offset is not finite.
    #[must_use]
    pub fn place(&self, class: usize, offset: [f64; 2]) -> Option<LatLng> {
        let origin = self.partition.location(class)?;
        let angle = self.reach_km(class)? / EARTH_RADIUS_KM;
        let [e, n] = offset.map(|x| x * angle);
        let length = e.hypot(n);
        if length == 0.0 {
            return Some(origin);
        }
        let (up, east, north) = axes(origin);
        let (sin, cos) = length.sin_cos();
        LatLng::from_vector(std::array::from_fn(|k| {
            cos * up[k] + sin / length * (e * east[k] + n * north[k])
        }))
    }

    /// The offset (east, north) of a place from the place of cell `class`, each number clamped to
    /// the limit: the logarithmic map. The antipode, which has no direction, has offset zero.
    #[must_use]
    pub fn offset(&self, class: usize, place: LatLng) -> Option<[f64; 2]> {
        let (up, east, north) = axes(self.partition.location(class)?);
        let v = place.to_unit_vector();
        let (e, n) = (dot(v, east), dot(v, north));
        let sin = e.hypot(n);
        if sin == 0.0 {
            return Some([0.0; 2]);
        }
        let km = sin.atan2(dot(v, up)) * EARTH_RADIUS_KM;
        let factor = km / sin / self.reach_km(class)?;
        Some([e, n].map(|x| (x * factor).clamp(-Self::LIMIT, Self::LIMIT)))
    }
}

/// Up, east and north at a place.
fn axes(at: LatLng) -> ([f64; 3], [f64; 3], [f64; 3]) {
    let (sin_lat, cos_lat) = at.lat().to_radians().sin_cos();
    let (sin_lng, cos_lng) = at.lng().to_radians().sin_cos();
    (
        [cos_lat * cos_lng, cos_lat * sin_lng, sin_lat],
        [-sin_lng, cos_lng, 0.0],
        [-sin_lat * cos_lng, -sin_lat * sin_lng, cos_lat],
    )
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use geoloc_geo_cells::{NamedPlaces, PartitionBuilder, haversine_km};

    use super::*;

    #[test]
    fn offset_and_place_are_inverse_also_across_the_antimeridian_and_at_the_pole() {
        let at = |lat, lng| LatLng::new(lat, lng).unwrap();
        for (lat, lng) in [(48.0, 2.0), (-17.0, 179.99), (89.9, 30.0)] {
            let centre = at(lat, lng);
            let names = NamedPlaces::new(vec![("one".into(), centre)]);
            let (partition, _) = names.build(&[centre]).unwrap();
            let frames = CellFrames::new(Arc::new(partition), 50.0);
            assert_eq!(frames.reach_km(0), Some(50.0));
            for offset in [[0.0, 0.0], [0.7, -0.3], [-1.1, 1.0]] {
                let place = frames.place(0, offset).unwrap();
                let km = 50.0 * f64::hypot(offset[0], offset[1]);
                assert!((haversine_km(centre, place) - km).abs() < 1e-6);
                let back = frames.offset(0, place).unwrap();
                assert!((back[0] - offset[0]).abs() < 1e-9, "{back:?} {offset:?}");
                assert!((back[1] - offset[1]).abs() < 1e-9, "{back:?} {offset:?}");
            }
            // Far away: clamped.
            let far = frames.offset(0, at(0.0, lng + 90.0)).unwrap();
            assert!(far.iter().all(|x| x.abs() <= CellFrames::LIMIT));
        }
        let names = NamedPlaces::new(vec![("one".into(), at(0.0, 0.0))]);
        let (partition, _) = names.build(&[at(0.0, 0.0)]).unwrap();
        let frames = CellFrames::new(Arc::new(partition), 1.0);
        assert!(frames.place(1, [0.0; 2]).is_none());
        assert!(frames.place(0, [f64::NAN, 0.0]).is_none());
    }
}
