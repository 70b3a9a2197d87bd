//! Polygons with great-circle edges.

use geoloc_geo_cells::{Cap, LatLng, haversine_km};
use thiserror::Error;

/// Why vertices make no polygon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolygonError {
    /// A polygon needs three vertices.
    #[error("a polygon needs 3 vertices, {given} given")]
    Vertices {
        /// The number given.
        given: usize,
    },
    /// Some vertex is a quarter of the circumference or more from the middle, so that inside and
    /// outside cannot be told apart.
    #[error("vertex {vertex} is 90 degrees or more from the middle of the polygon")]
    TooLarge {
        /// The vertex, from 0.
        vertex: usize,
    },
}

/// A simple polygon of less than a hemisphere; may cross the antimeridian or hold a pole. The order of
/// its vertices, and whether the first is repeated at the end, do not matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    vertices: Vec<[f64; 3]>,
    middle: [f64; 3],
    bound: Cap,
}

impl Polygon {
    /// From its vertices in order.
    ///
    /// # Errors
    ///
    /// [`PolygonError`] if there are fewer than three, or they do not fit in an open hemisphere around
    /// their mean.
    pub fn new(vertices: &[LatLng]) -> Result<Self, PolygonError> {
        let closed = vertices.len() > 1 && vertices.first() == vertices.last();
        let places = &vertices[..vertices.len() - usize::from(closed)];
        let given = places.len();
        if given < 3 {
            return Err(PolygonError::Vertices { given });
        }
        let points: Vec<[f64; 3]> = places.iter().map(|p| p.to_unit_vector()).collect();
        let mut sum = [0f64; 3];
        for point in &points {
            for (s, v) in sum.iter_mut().zip(point) {
                *s += v;
            }
        }
        let Some(center) = LatLng::from_vector(sum) else {
            return Err(PolygonError::TooLarge { vertex: 0 });
        };
        let middle = center.to_unit_vector();
        if let Some(vertex) = points.iter().position(|p| dot(p, &middle) <= 1e-9) {
            return Err(PolygonError::TooLarge { vertex });
        }
        let reach = places
            .iter()
            .map(|&p| haversine_km(center, p))
            .fold(0.0, f64::max);
        Ok(Self {
            vertices: points,
            middle,
            // Edges are arcs between points of the cap, and caps below a hemisphere are convex.
            bound: Cap::new(center, reach + 1e-6),
        })
    }

    /// A cap around the polygon.
    #[must_use]
    pub fn bound(&self) -> Cap {
        self.bound
    }

    /// Whether a place is inside: the directions to the vertices turn once around it.
    #[must_use]
    pub fn contains(&self, p: LatLng) -> bool {
        let x = p.to_unit_vector();
        if dot(&x, &self.middle) <= 0.0 || !self.bound.contains(p) {
            return false;
        }
        // East and north at x; any pair of axes serves at a pole.
        let (lat, lng) = (p.lat().to_radians(), p.lng().to_radians());
        let east = [-lng.sin(), lng.cos(), 0.0];
        let north = [-lat.sin() * lng.cos(), -lat.sin() * lng.sin(), lat.cos()];
        let direction = |v: &[f64; 3]| dot(v, &north).atan2(dot(v, &east));
        let mut turned = 0.0;
        let mut before = self.vertices.last().map_or(0.0, direction);
        for vertex in &self.vertices {
            let now = direction(vertex);
            let mut step = now - before;
            if step > std::f64::consts::PI {
                step -= std::f64::consts::TAU;
            } else if step < -std::f64::consts::PI {
                step += std::f64::consts::TAU;
            }
            turned += step;
            before = now;
        }
        turned.abs() > std::f64::consts::PI
    }
}

fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
