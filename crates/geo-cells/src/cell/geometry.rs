//! The ground of a cell: corners, area, distance to a place.

use super::projection::{face_uv_to_vector, uv_bounds};
use super::{CellId, Level};
use crate::vector::{cross, difference, dot, normalised, sum};
use crate::{EARTH_RADIUS_KM, LatLng};

impl CellId {
    /// The four corners as unit vectors, counter-clockwise from the lower left in the coordinates
    /// of the face.
    #[must_use]
    pub fn corners(self) -> [[f64; 3]; 4] {
        let (face, [u0, u1], [v0, v1]) = uv_bounds(self.raw());
        [(u0, v0), (u1, v0), (u1, v1), (u0, v1)].map(|(u, v)| {
            // As Google's `Normalize`: times the inverse of the length.
            let [x, y, z] = face_uv_to_vector(face, u, v);
            let inverse = 1.0 / (x * x + y * y + z * z).sqrt();
            [x * inverse, y * inverse, z * inverse]
        })
    }

    /// The four corners as places.
    #[must_use]
    pub fn corner_places(self) -> [LatLng; 4] {
        self.corners().map(LatLng::of_direction)
    }

    /// Area in steradian: two spherical triangles, whose sums are taken over differences of the
    /// corners (van Oosterom and Strackee 1983), so that small cells keep their digits.
    #[must_use]
    pub fn area_steradian(self) -> f64 {
        let [a, b, c, d] = self.corners();
        triangle_area(a, b, c) + triangle_area(a, c, d)
    }

    /// Area in km² on the mean sphere.
    #[must_use]
    pub fn area_km2(self) -> f64 {
        self.area_steradian() * EARTH_RADIUS_KM * EARTH_RADIUS_KM
    }

    /// Great-circle distance in km from `p` to the nearest ground of the cell; 0 inside.
    #[must_use]
    pub fn distance_km(self, p: LatLng) -> f64 {
        if self.contains(Self::from_lat_lng(p)) {
            return 0.0;
        }
        self.boundary_distance(p.to_unit_vector()) * EARTH_RADIUS_KM
    }

    /// Great-circle distance in km from `p` to the farthest ground of the cell.
    #[must_use]
    pub fn max_distance_km(self, p: LatLng) -> f64 {
        // The farthest ground is nearest to the antipode.
        let antipode = p.to_unit_vector().map(|x| -x);
        let inside =
            LatLng::from_vector(antipode).is_some_and(|q| self.contains(Self::from_lat_lng(q)));
        let from_antipode = if inside {
            0.0
        } else {
            self.boundary_distance(antipode)
        };
        (std::f64::consts::PI - from_antipode) * EARTH_RADIUS_KM
    }

    /// Angle between a unit vector and the nearest point of the four edges.
    fn boundary_distance(self, p: [f64; 3]) -> f64 {
        let [a, b, c, d] = self.corners();
        [(a, b), (b, c), (c, d), (d, a)]
            .into_iter()
            .map(|(a, b)| arc_distance(p, a, b))
            .fold(f64::INFINITY, f64::min)
    }
}

impl Level {
    /// Number of cells of this level on the sphere: 6 · 4^level.
    #[must_use]
    pub const fn cell_count(self) -> u64 {
        6 << (2 * self.get() as u32)
    }

    /// Mean area of the cells of this level in km², on the mean sphere.
    #[must_use]
    pub fn average_area_km2(self) -> f64 {
        let sphere = 4.0 * std::f64::consts::PI * EARTH_RADIUS_KM * EARTH_RADIUS_KM;
        sphere / self.cell_count() as f64
    }

    /// The coarsest level whose mean area is at most `km2`; leaves for smaller areas and for NaN.
    #[must_use]
    pub fn with_area_at_most_km2(km2: f64) -> Self {
        Self::all()
            .find(|level| level.average_area_km2() <= km2)
            .unwrap_or(Self::LEAF)
    }

    /// The level whose mean area is closest to `km2` by ratio; the coarser of equals, and leaves
    /// for areas that are not positive.
    #[must_use]
    pub fn closest_to_area_km2(km2: f64) -> Self {
        if km2.is_nan() || km2 <= 0.0 {
            return Self::LEAF;
        }
        let off = |level: Self| (level.average_area_km2() / km2).ln().abs();
        Self::all()
            .min_by(|a, b| off(*a).total_cmp(&off(*b)))
            .unwrap_or(Self::LEAF)
    }
}

/// Area of the spherical triangle of three unit vectors, in steradian.
fn triangle_area(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> f64 {
    // The triple product by differences: equal to a · (b × c), without its cancellation.
    let volume = dot(a, cross(difference(b, a), difference(c, a)));
    let denominator = 1.0 + dot(a, b) + dot(b, c) + dot(c, a);
    2.0 * volume.abs().atan2(denominator)
}

/// Angle between `p` and the shorter great-circle arc from `a` to `b`; all unit vectors.
fn arc_distance(p: [f64; 3], a: [f64; 3], b: [f64; 3]) -> f64 {
    // (b - a) x (b + a) = 2 (b x a), without cancellation.
    let normal = normalised(cross(difference(b, a), sum(b, a)).map(|x| -x));
    if let Some(n) = normal {
        let height = dot(p, n);
        let on_plane = [0, 1, 2].map(|k| p[k] - height * n[k]);
        // The foot lies between a and b if it is on the inner side of both.
        let after_a = dot(cross(n, a), on_plane) > 0.0;
        let before_b = dot(cross(n, b), on_plane) < 0.0;
        if after_a && before_b {
            return height.abs().atan2(dot(on_plane, on_plane).sqrt());
        }
    }
    angle(p, a).min(angle(p, b))
}

/// Angle between two unit vectors, right near 0 and near π.
fn angle(a: [f64; 3], b: [f64; 3]) -> f64 {
    let apart = difference(a, b);
    let together = sum(a, b);
    2.0 * dot(apart, apart)
        .sqrt()
        .atan2(dot(together, together).sqrt())
}

#[cfg(test)]
#[path = "geometry_tests.rs"]
mod tests;
