//! How far people travel in a given time.

use std::f64::consts::{PI, TAU};

use geoloc_geo_cells::EARTH_RADIUS_KM;

/// The density of where a traveller is after some time, as a function of the distance.
pub trait TravelPrior: Send + Sync {
    /// Logarithm of the density per square km at a distance of `km` after `seconds`, both at least
    /// 0. Factors that do not depend on the distance do not matter.
    fn log_density(&self, km: f64, seconds: f64) -> f64;
}

/// A mixture of ways to travel, each with a speed, and a rest that may be anywhere. Ours, for when
/// there are no trips to fit a [`TravelHistogram`](super::TravelHistogram) to.
///
/// A way with share `w` and speed `v` has the density `w e^(-d/s) / (2π s²)` with the scale
/// `s = s_0 + v t`; on the plane its integral is `w`. The rest has the density of the whole Earth.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeedMixture {
    /// Share and speed in km/h of each way.
    pub ways: Vec<(f64, f64)>,
    /// Scale at time 0 in km: how far two photos of one moment may seem apart, which is about the
    /// size of the cells.
    pub start_km: f64,
    /// Share that may be anywhere: wrong times, photos of other people.
    pub anywhere: f64,
}

impl Default for SpeedMixture {
    /// On foot, by car and by plane, counting rest: 1, 20 and 300 km/h.
    fn default() -> Self {
        Self {
            ways: vec![(0.6, 1.0), (0.3, 20.0), (0.09, 300.0)],
            start_km: 10.0,
            anywhere: 0.01,
        }
    }
}

impl TravelPrior for SpeedMixture {
    fn log_density(&self, km: f64, seconds: f64) -> f64 {
        let earth = 4.0 * PI * EARTH_RADIUS_KM * EARTH_RADIUS_KM;
        let way = |&(share, speed): &(f64, f64)| {
            let scale = self.start_km.max(1e-3) + speed * seconds / 3600.0;
            share * (-km / scale).exp() / (TAU * scale * scale)
        };
        let density: f64 = self.ways.iter().map(way).sum();
        (density + self.anywhere / earth).ln()
    }
}
