//! Where a class is: one place that stands for its training points, and how far they spread.

use serde::{Deserialize, Serialize};

use crate::vector::{difference, dot};
use crate::{CellId, EARTH_RADIUS_KM, LatLng};

/// Which place stands for a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CellLocation {
    /// The centre of the cell, whatever the points; where a class is no single cell, the
    /// spherical mean.
    #[serde(alias = "centre")]
    Centre,
    /// The mean unit vector of the training points, on the sphere: it has no seam at the
    /// antimeridian. The default.
    #[default]
    #[serde(alias = "spherical_mean")]
    SphericalMean,
    /// The place with the least sum of distances to the points (Weiszfeld iteration on unit
    /// vectors).
    #[serde(alias = "geometric_median")]
    GeometricMedian,
    /// The training point with the least sum of distances to at most 512 others, evenly drawn.
    #[serde(alias = "medoid")]
    Medoid,
}

impl CellLocation {
    /// The place that stands for `points`, which belong to no cell: [`Centre`](Self::Centre) gives
    /// the spherical mean. `None` without points.
    #[must_use]
    pub fn of(self, points: &[LatLng]) -> Option<LatLng> {
        let vectors: Vec<[f64; 3]> = points.iter().map(|p| p.to_unit_vector()).collect();
        locate(vectors.as_slice(), self, None).map(|located| located.location)
    }
}

/// Location and spread of a set of points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Located {
    pub(crate) location: LatLng,
    /// Root of the mean squared chord between the points and the location, in km.
    pub(crate) spread_km: f64,
}

/// Points beyond which a medoid is sought among an evenly drawn sample.
const MEDOID_SAMPLE: usize = 512;

/// Sums over unit vectors, shifted by the first one so that small spreads keep their digits.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    origin: [f64; 3],
    count: f64,
    sum: [f64; 3],
    sum_squared: f64,
}

impl Moments {
    fn add(&mut self, u: [f64; 3]) {
        if self.count == 0.0 {
            self.origin = u;
        }
        let d = difference(u, self.origin);
        self.count += 1.0;
        for (sum, d) in self.sum.iter_mut().zip(d) {
            *sum += d;
        }
        self.sum_squared += dot(d, d);
    }

    fn mean(&self) -> [f64; 3] {
        let n = self.count.max(1.0);
        std::array::from_fn(|k| self.origin[k] + self.sum[k] / n)
    }

    /// Mean squared chord to the unit vector `m`.
    fn mean_squared_chord(&self, m: [f64; 3]) -> f64 {
        let n = self.count.max(1.0);
        let d = difference(m, self.origin);
        let value = self.sum_squared / n - 2.0 * dot(self.sum, d) / n + dot(d, d);
        value.max(0.0)
    }
}

/// Points of a class as unit vectors, which can be gone through again and again.
pub(crate) trait Points {
    /// Calls `visit` with each point, always in the same order.
    fn each(&self, visit: impl FnMut([f64; 3]));
}

impl Points for [[f64; 3]] {
    fn each(&self, visit: impl FnMut([f64; 3])) {
        self.iter().copied().for_each(visit);
    }
}

/// Location and spread of points.
///
/// `cell` is used for [`CellLocation::Centre`] and where the points cancel out.
pub(crate) fn locate<P: Points + ?Sized>(
    points: &P,
    kind: CellLocation,
    cell: Option<CellId>,
) -> Option<Located> {
    let mut moments = Moments::default();
    points.each(|u| moments.add(u));
    let centre = cell.map(CellId::center_unit_vector);
    if moments.count == 0.0 {
        let location = LatLng::from_vector(centre?)?;
        return Some(Located {
            location,
            spread_km: 0.0,
        });
    }
    // Points that cancel out (antipodes) have no mean: the cell's centre or the first point.
    let mean = direction(moments.mean())
        .or(centre)
        .unwrap_or(moments.origin);
    let at = match kind {
        CellLocation::Centre => centre.unwrap_or(mean),
        CellLocation::SphericalMean => mean,
        CellLocation::GeometricMedian => geometric_median(points, mean),
        CellLocation::Medoid => medoid(points, moments.count as usize).unwrap_or(mean),
    };
    Some(Located {
        location: LatLng::from_vector(at)?,
        spread_km: moments.mean_squared_chord(at).sqrt() * EARTH_RADIUS_KM,
    })
}

/// Weiszfeld's iteration in space, projected to the sphere after each step; at most 100 steps.
fn geometric_median<P: Points + ?Sized>(points: &P, start: [f64; 3]) -> [f64; 3] {
    // 1e-9 of the radius is 6 mm: a point on the estimate gets a large but finite weight.
    const NEAR: f64 = 1e-9;
    let mut at = start;
    for _ in 0..100 {
        let (mut sum, mut total) = ([0.0; 3], 0.0);
        points.each(|u| {
            let d = difference(u, at);
            let weight = 1.0 / dot(d, d).sqrt().max(NEAR);
            total += weight;
            for (s, d) in sum.iter_mut().zip(d) {
                *s += weight * d;
            }
        });
        let moved = std::array::from_fn(|k| at[k] + sum[k] / total);
        let Some(next) = direction(moved) else {
            return at;
        };
        let step = difference(next, at);
        at = next;
        if dot(step, step).sqrt() < NEAR {
            break;
        }
    }
    at
}

/// The point with the least sum of chords to an even sample; the first of equals.
fn medoid<P: Points + ?Sized>(points: &P, count: usize) -> Option<[f64; 3]> {
    let stride = count.div_ceil(MEDOID_SAMPLE).max(1);
    let (mut sample, mut k) = (Vec::with_capacity(count.min(MEDOID_SAMPLE)), 0);
    points.each(|u| {
        if k % stride == 0 {
            sample.push(u);
        }
        k += 1;
    });
    let cost = |u: [f64; 3]| -> f64 {
        sample
            .iter()
            .map(|&v| {
                let d = difference(u, v);
                dot(d, d).sqrt()
            })
            .sum()
    };
    let mut best: Option<(f64, [f64; 3])> = None;
    for &u in &sample {
        let c = cost(u);
        if best.is_none_or(|(least, _)| c < least) {
            best = Some((c, u));
        }
    }
    best.map(|(_, u)| u)
}

/// The unit vector in the direction of `v`; `None` below 1e-9, where the direction is noise.
pub(crate) fn direction(v: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(v, v).sqrt();
    (length > 1e-9).then(|| v.map(|x| x / length))
}
