//! Rectangles of latitude and longitude.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Region;
use crate::vector::{cross, dot};
use crate::{CellId, LatLng};

/// Rounding of cell bounds, in degrees (0.1 mm).
const SLACK: f64 = 1e-9;

/// Why four numbers are not a rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum RectError {
    /// The southern limit is not below the northern, or one is no latitude.
    #[error("latitudes {south} to {north} are not an interval inside [-90, 90]")]
    Latitudes {
        /// Southern limit in degrees.
        south: f64,
        /// Northern limit in degrees.
        north: f64,
    },
    /// A longitude is not finite.
    #[error("longitudes {west} to {east} are not finite")]
    Longitudes {
        /// Western limit in degrees.
        west: f64,
        /// Eastern limit in degrees.
        east: f64,
    },
}

/// A rectangle of latitude and longitude in degrees, borders included; it may cross the
/// antimeridian and hold a pole.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, LatLngRect};
///
/// // From 170° E eastward to 170° W: 20 degrees wide.
/// let fiji = LatLngRect::new(-21.0, 170.0, -12.0, -170.0)?;
/// assert!(fiji.contains(LatLng::new(-17.0, 180.0)?));
/// assert!(!fiji.contains(LatLng::new(-17.0, 0.0)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatLngRect {
    south: f64,
    north: f64,
    /// Western limit in [-180, 180).
    west: f64,
    /// Degrees from the western to the eastern limit, 0 to 360.
    width: f64,
}

impl LatLngRect {
    /// From `west` eastward to `east`; a difference of 360 degrees or more is all longitudes, and
    /// `east` below `west` crosses the antimeridian.
    ///
    /// # Errors
    ///
    /// [`RectError`] if the latitudes are no interval or a longitude is not finite.
    pub fn new(south: f64, west: f64, north: f64, east: f64) -> Result<Self, RectError> {
        let latitude = -90.0..=90.0;
        if !(latitude.contains(&south) && latitude.contains(&north) && south <= north) {
            return Err(RectError::Latitudes { south, north });
        }
        let Ok(corner) = LatLng::new(south, west) else {
            return Err(RectError::Longitudes { west, east });
        };
        if !east.is_finite() {
            return Err(RectError::Longitudes { west, east });
        }
        let width = if east - west >= 360.0 {
            360.0
        } else {
            degrees_east(west, east)
        };
        Ok(Self {
            south,
            north,
            west: corner.lng(),
            width,
        })
    }

    /// All longitudes between two latitudes.
    pub(crate) fn band(south: f64, north: f64) -> Self {
        Self {
            south,
            north,
            west: -180.0,
            width: 360.0,
        }
    }

    /// `half` degrees to both sides of a meridian.
    pub(crate) fn around(south: f64, north: f64, lng: f64, half: f64) -> Self {
        let west = LatLng::new(0.0, lng - half).map_or(-180.0, LatLng::lng);
        Self {
            south,
            north,
            west,
            width: (2.0 * half).min(360.0),
        }
    }

    /// Southern limit in degrees.
    #[must_use]
    pub fn south(&self) -> f64 {
        self.south
    }

    /// Northern limit in degrees.
    #[must_use]
    pub fn north(&self) -> f64 {
        self.north
    }

    /// Western limit in degrees, in [-180, 180).
    #[must_use]
    pub fn west(&self) -> f64 {
        self.west
    }

    /// Eastern limit in degrees: the western limit plus the width, at most 540.
    #[must_use]
    pub fn east(&self) -> f64 {
        self.west + self.width
    }

    /// Whether `p` is inside or on the border.
    #[must_use]
    pub fn contains(&self, p: LatLng) -> bool {
        (self.south..=self.north).contains(&p.lat())
            && (p.lat().abs() >= 90.0 || self.contains_lng(p.lng()))
    }

    fn contains_lng(&self, lng: f64) -> bool {
        self.width >= 360.0 || degrees_east(self.west, lng) <= self.width
    }

    /// Whether the two share a point.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        self.south <= other.north
            && other.south <= self.north
            && (self.contains_lng(other.west) || other.contains_lng(self.west))
    }

    /// Whether `other` lies wholly inside.
    #[must_use]
    pub fn contains_rect(&self, other: &Self) -> bool {
        let longitudes =
            self.width >= 360.0 || degrees_east(self.west, other.west) + other.width <= self.width;
        self.south <= other.south && other.north <= self.north && longitudes
    }

    /// The smallest rectangle around a cell, widened by 0.1 mm.
    ///
    /// Edges of cells are great circles: their highest latitude can lie between the corners.
    #[must_use]
    pub fn bound_of(cell: CellId) -> Self {
        let corners = cell.corners();
        let (mut south, mut north) = (90.0_f64, -90.0_f64);
        let mut see = |z: f64, horizontal: f64| {
            let lat = z.atan2(horizontal).to_degrees();
            south = south.min(lat);
            north = north.max(lat);
        };
        for k in 0..4 {
            let (a, b) = (corners[k], corners[(k + 1) % 4]);
            see(a[2], a[0].hypot(a[1]));
            // The highest and lowest points of the great circle, if the edge passes them.
            let n = cross(a, b);
            let up = [-n[0] * n[2], -n[1] * n[2], n[0] * n[0] + n[1] * n[1]];
            for top in [up, up.map(|x| -x)] {
                if dot(cross(n, a), top) > 0.0 && dot(cross(n, b), top) < 0.0 {
                    see(top[2], top[0].hypot(top[1]));
                }
            }
        }
        south = (south - SLACK).max(-90.0);
        north = (north + SLACK).min(90.0);
        let reaches = |pole: f64, limit: f64| {
            // The pole is the corner of four leaves: nearness decides as well.
            (limit - pole).abs() <= 2.0 * SLACK
                || LatLng::new(pole, 0.0).is_ok_and(|p| cell.contains(CellId::from_lat_lng(p)))
        };
        if reaches(90.0, north) {
            return Self::band(south, 90.0);
        }
        if reaches(-90.0, south) {
            return Self::band(-90.0, north);
        }
        // Without a pole the corners are less than half a turn apart: the longitudes are those of
        // the corners, as offsets from the centre.
        let centre = cell.center().lng();
        let (mut west, mut east) = (0.0_f64, 0.0_f64);
        for p in cell.corner_places() {
            let offset = degrees_east(centre - 180.0, p.lng()) - 180.0;
            west = west.min(offset);
            east = east.max(offset);
        }
        // Longitudes shrink towards the poles; so does what a degree is worth.
        let slack = SLACK / south.abs().max(north.abs()).to_radians().cos().max(1e-9);
        let start = LatLng::new(0.0, centre + west - slack).map_or(-180.0, LatLng::lng);
        Self {
            south,
            north,
            west: start,
            width: (east - west + 2.0 * slack).min(360.0),
        }
    }

    /// Whether an edge of the cell crosses a border of the rectangle.
    fn crossed_by(&self, cell: CellId) -> bool {
        let corners = cell.corners();
        (0..4).any(|k| {
            let (a, b) = (corners[k], corners[(k + 1) % 4]);
            let meridians = [self.west, self.west + self.width];
            let parallels = [self.south, self.north];
            (self.width < 360.0
                && meridians
                    .iter()
                    .any(|&lng| self.meridian_crossed(a, b, lng)))
                || parallels
                    .iter()
                    .any(|&lat| self.parallel_crossed(a, b, lat))
        })
    }

    /// Whether the arc from `a` to `b` meets the meridian `lng` between the limits of latitude.
    fn meridian_crossed(&self, a: [f64; 3], b: [f64; 3], lng: f64) -> bool {
        let (sin, cos) = lng.to_radians().sin_cos();
        // The meridian's plane: its normal points east, its half holds (cos, sin, 0).
        let east = |p: [f64; 3]| p[1] * cos - p[0] * sin;
        let (from, to) = (east(a), east(b));
        if from * to > 0.0 {
            return false;
        }
        let t = if (from - to).abs() > 0.0 {
            from / (from - to)
        } else {
            0.5
        };
        let p = [0, 1, 2].map(|k| a[k] + t * (b[k] - a[k]));
        let outward = p[0] * cos + p[1] * sin;
        let lat = p[2].atan2(outward).to_degrees();
        outward >= -1e-15 && (self.south - SLACK..=self.north + SLACK).contains(&lat)
    }

    /// Whether the arc from `a` to `b` meets the parallel `lat` between the limits of longitude.
    fn parallel_crossed(&self, a: [f64; 3], b: [f64; 3], lat: f64) -> bool {
        let n = cross(a, b);
        let (sin, cos) = lat.to_radians().sin_cos();
        let horizontal = n[0].hypot(n[1]);
        if horizontal == 0.0 {
            return false;
        }
        // n · (cos φ cos λ, cos φ sin λ, sin φ) = 0, solved for λ.
        let ratio = -n[2] * sin / (horizontal * cos.max(1e-300));
        if ratio.abs() > 1.0 + 1e-12 {
            return false;
        }
        let middle = n[1].atan2(n[0]);
        let half = ratio.clamp(-1.0, 1.0).acos();
        [middle - half, middle + half].into_iter().any(|lng| {
            let p = [cos * lng.cos(), cos * lng.sin(), sin];
            let on_arc = dot(cross(n, a), p) >= -1e-15 && dot(cross(n, b), p) <= 1e-15;
            let place = LatLng::from_vector(p);
            on_arc && place.is_some_and(|p| self.near_lng(p.lng()))
        })
    }

    fn near_lng(&self, lng: f64) -> bool {
        let offset = degrees_east(self.west, lng);
        self.width >= 360.0 || offset <= self.width + SLACK || offset >= 360.0 - SLACK
    }
}

/// Degrees from `west` eastward to `east`, in [0, 360).
fn degrees_east(west: f64, east: f64) -> f64 {
    (east - west).rem_euclid(360.0)
}

impl Region for LatLngRect {
    fn contains_cell(&self, cell: CellId) -> bool {
        self.contains_rect(&Self::bound_of(cell))
    }

    fn may_intersect(&self, cell: CellId) -> bool {
        let bound = Self::bound_of(cell);
        if !self.intersects(&bound) {
            return false;
        }
        // Tighter than the bounds: one holds a point of the other, or their borders cross.
        let corner = LatLng::new(self.south, self.west);
        self.contains(cell.center())
            || cell.corner_places().into_iter().any(|p| self.contains(p))
            || corner.is_ok_and(|p| cell.contains(CellId::from_lat_lng(p)))
            || self.crossed_by(cell)
    }
}
