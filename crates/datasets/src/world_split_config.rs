//! How the world is split, and why it cannot be.

use geoloc_geo_cells::LatLngError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{LongitudeBand, TileError, TileJitter};

/// How the world is split; the default is the split of the shipped benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorldSplitConfig {
    /// Turns the lattice of held-out tiles of the seen area.
    pub seed: u64,
    /// Side of a tile in km.
    pub side_km: f64,
    /// Least share of a tile that is land without permanent ice.
    pub min_land: f64,
    /// Southernmost and northernmost latitude of a centre, in degrees.
    pub latitudes: [f64; 2],
    /// Held-out bands: the unseen area.
    pub bands: Vec<LongitudeBand>,
    /// Each held-out tile of the seen area stands for this many km squared.
    pub seen_spacing_km: f64,
    /// Training tiles are changed by at most this.
    pub jitter: TileJitter,
}

impl Default for WorldSplitConfig {
    /// Tiles of 384 km, at least half land, four bands of 20 degrees (one or more on every
    /// continent but Antarctica), a held-out tile of the seen area for every 640 km squared.
    ///
    /// South of -60 and inside Greenland every view is plain white: permanent ice does not count
    /// as land, and Antarctica is left out altogether.
    fn default() -> Self {
        let band = |west: f64| LongitudeBand {
            west,
            east: west + 20.0,
        };
        Self {
            seed: 0,
            side_km: 384.0,
            min_land: 0.5,
            latitudes: [-60.0, 80.0],
            bands: vec![band(-110.0), band(-60.0), band(0.0), band(130.0)],
            seen_spacing_km: 640.0,
            jitter: TileJitter::default(),
        }
    }
}

/// Why a split cannot be made or asked.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum WorldSplitError {
    /// A number of the configuration is out of range.
    #[error("the split's {field} must be {expected}, got {value}")]
    Config {
        /// Which number.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        value: f64,
    },
    /// The tile's side is not one of a tile.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// A place is not on the Earth.
    #[error(transparent)]
    Place(#[from] LatLngError),
    /// No place is left to draw from.
    #[error("no land tile is left in the {part} area after {attempts} draws")]
    Empty {
        /// Which part.
        part: &'static str,
        /// How many places were tried.
        attempts: u64,
    },
    /// More held-out tiles of the seen area are asked for than there are.
    #[error("{asked} seen queries asked for, the split holds out {available}")]
    TooFewSeen {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        available: usize,
    },
}

/// Whether the numbers of a configuration make sense.
pub(crate) fn check(config: &WorldSplitConfig) -> Result<(), WorldSplitError> {
    let [south, north] = config.latitudes;
    let jitter = &config.jitter;
    let widest = config
        .bands
        .iter()
        .flat_map(|b| [b.west, b.east])
        .map(|edge| {
            if edge.is_finite() {
                edge.abs()
            } else {
                f64::INFINITY
            }
        })
        .fold(0.0, f64::max);
    let rules = [
        ("min_land", "in [0, 1]", config.min_land, 0.0, 1.0),
        ("southern latitude", "in [-90, 90]", south, -90.0, 90.0),
        (
            "northern latitude",
            "north of the southern one, at most 90",
            north,
            south,
            90.0,
        ),
        (
            "seen_spacing_km",
            "in [20, 20000] km",
            config.seen_spacing_km,
            20.0,
            20_000.0,
        ),
        (
            "band edge",
            "a finite number of degrees in [-360, 360]",
            widest,
            0.0,
            360.0,
        ),
        ("jitter.scale", "in [0, 1)", jitter.scale, 0.0, 0.999),
        ("jitter.shift", "in [0, 1]", jitter.shift, 0.0, 1.0),
    ];
    for (field, expected, value, low, high) in rules {
        if !(low..=high).contains(&value) {
            return Err(WorldSplitError::Config {
                field,
                expected,
                value,
            });
        }
    }
    Ok(())
}
