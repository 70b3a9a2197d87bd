//! The radii of the Earth that papers and programs use.

use serde::{Deserialize, Serialize};

use super::EARTH_RADIUS_KM;

/// Radius of the sphere of a great-circle distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EarthRadius {
    /// 6371.0088 km, the mean radius R1 of the IUGG: the default of this library.
    #[default]
    Mean,
    /// 6371 km: OSV-5M, PLONK, the Im2GPS evaluations.
    Rounded,
    /// 6371.01 km: Google's S2.
    S2,
    /// 6378.137 km, the equatorial radius of WGS84: PIGEON.
    Equatorial,
}

impl EarthRadius {
    /// The radius in km.
    #[must_use]
    pub const fn km(self) -> f64 {
        match self {
            Self::Mean => EARTH_RADIUS_KM,
            Self::Rounded => 6371.0,
            Self::S2 => 6371.01,
            Self::Equatorial => 6378.137,
        }
    }
}
