//! Polygons of longitude and latitude.

use thiserror::Error;

use crate::LatLng;

/// Why rings are not a polygon.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum PolygonError {
    /// There is no ring, or one with fewer than three different vertices.
    #[error("ring {ring} has {vertices} vertices, a polygon needs rings of at least 3")]
    Vertices {
        /// Index of the ring.
        ring: usize,
        /// Its number of vertices.
        vertices: usize,
    },
    /// A vertex is not finite, its latitude outside [-90, 90] or its longitude outside [-540, 540].
    #[error("ring {ring}, vertex {vertex}: longitude {lng}, latitude {lat} is no place")]
    Vertex {
        /// Index of the ring.
        ring: usize,
        /// Index of the vertex.
        vertex: usize,
        /// The longitude.
        lng: f64,
        /// The latitude.
        lat: f64,
    },
}

/// An outer ring and its holes. Edges are straight in longitude and latitude, as in GeoJSON
/// (RFC 7946, section 3.1.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    rings: Vec<Vec<[f64; 2]>>,
    /// West, south, east, north.
    bounds: [f64; 4],
}

impl Polygon {
    /// Checks rings of `[longitude, latitude]` in degrees, **longitude first** as in GeoJSON;
    /// whether the last vertex repeats the first does not matter.
    ///
    /// # Errors
    ///
    /// [`PolygonError`] if there is no ring, a ring is too short or a vertex is no place.
    pub fn new(mut rings: Vec<Vec<[f64; 2]>>) -> Result<Self, PolygonError> {
        let mut bounds = [
            f64::INFINITY,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
        ];
        if rings.is_empty() {
            return Err(PolygonError::Vertices {
                ring: 0,
                vertices: 0,
            });
        }
        for (ring, vertices) in rings.iter_mut().enumerate() {
            if vertices.len() > 1 && vertices.first() == vertices.last() {
                vertices.pop();
            }
            if vertices.len() < 3 {
                return Err(PolygonError::Vertices {
                    ring,
                    vertices: vertices.len(),
                });
            }
            for (vertex, &[lng, lat]) in vertices.iter().enumerate() {
                if !((-540.0..=540.0).contains(&lng) && (-90.0..=90.0).contains(&lat)) {
                    return Err(PolygonError::Vertex {
                        ring,
                        vertex,
                        lng,
                        lat,
                    });
                }
                bounds = [
                    bounds[0].min(lng),
                    bounds[1].min(lat),
                    bounds[2].max(lng),
                    bounds[3].max(lat),
                ];
            }
        }
        Ok(Self { rings, bounds })
    }

    /// The rings of `[longitude, latitude]`, the outer one first; the last vertex of a ring does not
    /// repeat the first.
    #[must_use]
    pub fn rings(&self) -> &[Vec<[f64; 2]>] {
        &self.rings
    }

    /// West, south, east and north limits in degrees.
    #[must_use]
    pub fn bounds(&self) -> [f64; 4] {
        self.bounds
    }

    /// The vertices as places.
    pub(crate) fn vertices(&self) -> impl Iterator<Item = LatLng> + '_ {
        self.rings.iter().flatten().filter_map(|&[lng, lat]| {
            // They were checked, and `LatLng` folds what goes on beyond the antimeridian.
            LatLng::new(lat, lng).ok()
        })
    }

    /// Whether a place is inside: an odd number of edges lies east of it. Of two polygons with a
    /// common border exactly one holds a place on it.
    pub(crate) fn contains(&self, lng: f64, lat: f64) -> bool {
        let mut inside = false;
        for ring in &self.rings {
            let Some(mut previous) = ring.last() else {
                continue;
            };
            for vertex in ring {
                let ([x0, y0], [x1, y1]) = (*previous, *vertex);
                // From the lower end of the edge, whatever its direction: the same rounding for
                // both polygons of a border.
                let (x0, y0, x1, y1) = if y0 <= y1 {
                    (x0, y0, x1, y1)
                } else {
                    (x1, y1, x0, y0)
                };
                if y0 <= lat && lat < y1 && lng < x0 + (lat - y0) / (y1 - y0) * (x1 - x0) {
                    inside = !inside;
                }
                previous = vertex;
            }
        }
        inside
    }
}

/// A named region: a district, a state, a country.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// The larger unit it belongs to, if any; small regions are joined inside it first.
    pub parent: Option<String>,
    /// Its polygons.
    pub polygons: Vec<Polygon>,
}
