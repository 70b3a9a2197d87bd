//! Which places of the world train, which are held out, and how leaks between them are ruled out.

use std::sync::Arc;

use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng, LatLngError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::sphere::{dot, half_width_deg, lattice, lng_difference};
use crate::stable_hash::{Draws, mix};
use crate::{SurfaceMap, TileError, TileJitter, TileSpec};

/// A band of longitudes from `west` eastwards to `east`, in degrees; may cross the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LongitudeBand {
    /// Western edge in degrees.
    pub west: f64,
    /// Eastern edge in degrees.
    pub east: f64,
}

impl LongitudeBand {
    fn half_width(self) -> f64 {
        (self.east - self.west).rem_euclid(360.0) / 2.0
    }

    fn distance_from_middle(self, lng: f64) -> f64 {
        lng_difference(lng, self.west + self.half_width()).abs()
    }

    /// Whether the circle of `radius_km` about `place` touches the band.
    #[must_use]
    pub fn touches(self, place: LatLng, radius_km: f64) -> bool {
        let reach = self.half_width() + half_width_deg(place.lat(), radius_km);
        self.distance_from_middle(place.lng()) <= reach
    }

    /// Whether the circle of `radius_km` about `place` lies inside the band.
    #[must_use]
    pub fn holds(self, place: LatLng, radius_km: f64) -> bool {
        let room = self.half_width() - half_width_deg(place.lat(), radius_km);
        self.distance_from_middle(place.lng()) <= room
    }
}

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
    /// A number of the configuration makes no sense.
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

/// The world split into places that train and places that are held out.
///
/// - **Unseen area**: tiles that lie wholly inside a held-out band, whatever their rotation.
/// - **Training**: centres, even by area, whose tile, changed as far as the jitter goes, touches no
///   held-out band, and which lie at least half a side (plus the largest shift) from the centre of
///   every held-out tile of the seen area.
/// - **Seen area**: held-out tiles on a fixed lattice between the training tiles; their
///   neighbourhood is seen in training, overlapping them by half at most along an axis.
///
/// Every answer is a pure function of the configuration, the seed and the index.
#[derive(Debug, Clone)]
pub struct WorldSplit {
    config: WorldSplitConfig,
    surface: Arc<SurfaceMap>,
    seen: Vec<(LatLng, [f64; 3])>,
    /// Cosine of the distance that training centres keep from those of the seen queries.
    keep_out_cos: f64,
    /// The training place of index 0 of seed 0.
    fallback: LatLng,
    /// sin of the southern and northern limit: even draws between them are even by area.
    z: [f64; 2],
}

/// Draws before an area counts as empty; the shipped split needs about ten.
const ATTEMPTS: u64 = 100_000;

impl WorldSplit {
    /// Makes the split on a map of land, such as [`world::surface`](crate::world::surface).
    ///
    /// # Errors
    ///
    /// [`WorldSplitError`] for numbers out of range and where nothing is left to train on.
    pub fn new(
        config: WorldSplitConfig,
        surface: Arc<SurfaceMap>,
    ) -> Result<Self, WorldSplitError> {
        check(&config)?;
        let origin = LatLng::new(0.0, 0.0)?;
        TileSpec::new(origin, config.side_km, 1)?;
        let keep_out_km = config.side_km / 2.0 + config.jitter.max_shift_km(config.side_km);
        let [south, north] = config.latitudes;
        let mut split = Self {
            keep_out_cos: (keep_out_km / EARTH_RADIUS_KM).cos(),
            z: [south.to_radians().sin(), north.to_radians().sin()],
            seen: Vec::new(),
            fallback: origin,
            config,
            surface,
        };
        let turn = mix(split.config.seed) as f64 / u64::MAX as f64 * 360.0;
        split.seen = lattice(split.config.seen_spacing_km, turn)
            .filter(|&place| split.is_training_area(place))
            .map(|place| (place, place.to_unit_vector()))
            .collect();
        split.fallback = split.try_train(0, 0)?;
        Ok(split)
    }

    /// What the split was made from.
    #[must_use]
    pub fn config(&self) -> &WorldSplitConfig {
        &self.config
    }

    /// How many held-out tiles the seen area has.
    #[must_use]
    pub fn seen_len(&self) -> usize {
        self.seen.len()
    }

    /// Radius in km about a training centre that holds every changed tile.
    #[must_use]
    pub fn train_radius_km(&self) -> f64 {
        self.config.jitter.max_radius_km(self.config.side_km)
    }

    /// Radius in km about a query that holds its tile in any rotation.
    #[must_use]
    pub fn query_radius_km(&self) -> f64 {
        self.config.side_km * std::f64::consts::FRAC_1_SQRT_2
    }

    /// Whether a training tile may be centred at `place`.
    #[must_use]
    pub fn is_train(&self, place: LatLng) -> bool {
        let v = place.to_unit_vector();
        self.is_clear_of_bands(place)
            && self
                .seen
                .iter()
                .all(|(_, s)| dot(*s, v) <= self.keep_out_cos)
            && self.is_land(place)
    }

    /// Whether the tile centred at `place` is a land tile wholly inside a held-out band.
    #[must_use]
    pub fn is_unseen(&self, place: LatLng) -> bool {
        let radius = self.query_radius_km();
        self.config.bands.iter().any(|b| b.holds(place, radius)) && self.is_land(place)
    }

    /// Centre `index` of the training stream `seed`: even by area over all allowed places.
    ///
    /// Should no allowed place turn up in 100,000 draws (which [`new`](Self::new) makes
    /// all but impossible), the answer is that of index 0 of seed 0.
    #[must_use]
    pub fn sample_train(&self, seed: u64, index: u64) -> LatLng {
        self.try_train(seed, index).unwrap_or(self.fallback)
    }

    /// `n` held-out land tiles of the unseen area, at random places even by area.
    ///
    /// # Errors
    ///
    /// [`WorldSplitError::Empty`] if there is no such place.
    pub fn unseen_queries(&self, n: usize, seed: u64) -> Result<Vec<LatLng>, WorldSplitError> {
        let seed = mix(seed ^ 0x0075_6e73_6565_6e00);
        (0..n as u64)
            .map(|index| self.draw(seed, index, "unseen", |place| self.is_unseen(place)))
            .collect()
    }

    /// `n` of the held-out tiles of the seen area, chosen by hash of position and `seed`.
    ///
    /// # Errors
    ///
    /// [`WorldSplitError::TooFewSeen`] if there are fewer than `n`, see [`seen_len`](Self::seen_len).
    pub fn seen_queries(&self, n: usize, seed: u64) -> Result<Vec<LatLng>, WorldSplitError> {
        if n > self.seen.len() {
            return Err(WorldSplitError::TooFewSeen {
                asked: n,
                available: self.seen.len(),
            });
        }
        let mut ranked: Vec<(u64, LatLng)> = self
            .seen
            .iter()
            .map(|&(place, _)| {
                let position = mix(place.lat().to_bits()) ^ place.lng().to_bits();
                (mix(position ^ mix(seed)), place)
            })
            .collect();
        ranked.sort_by_key(|&(hash, _)| hash);
        Ok(ranked.into_iter().take(n).map(|(_, place)| place).collect())
    }

    fn try_train(&self, seed: u64, index: u64) -> Result<LatLng, WorldSplitError> {
        self.draw(seed, index, "training", |place| self.is_train(place))
    }

    fn draw(
        &self,
        seed: u64,
        index: u64,
        part: &'static str,
        accept: impl Fn(LatLng) -> bool,
    ) -> Result<LatLng, WorldSplitError> {
        let mut draws = Draws::new(seed, index);
        let [south, north] = self.z;
        for _ in 0..ATTEMPTS {
            let z: f64 = south + (north - south) * draws.unit();
            let lng = 360.0 * draws.unit() - 180.0;
            if let Ok(place) = LatLng::new(z.asin().to_degrees(), lng)
                && accept(place)
            {
                return Ok(place);
            }
        }
        Err(WorldSplitError::Empty {
            part,
            attempts: ATTEMPTS,
        })
    }

    fn is_training_area(&self, place: LatLng) -> bool {
        self.is_clear_of_bands(place) && self.is_land(place)
    }

    fn is_clear_of_bands(&self, place: LatLng) -> bool {
        let radius = self.train_radius_km();
        !self.config.bands.iter().any(|b| b.touches(place, radius))
    }

    fn is_land(&self, place: LatLng) -> bool {
        let [south, north] = self.config.latitudes;
        (south..=north).contains(&place.lat())
            && TileSpec::new(place, self.config.side_km, 1)
                .is_ok_and(|tile| self.surface.land_share(&tile) >= self.config.min_land)
    }
}

fn check(config: &WorldSplitConfig) -> Result<(), WorldSplitError> {
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

#[cfg(test)]
#[path = "world_split_tests.rs"]
mod tests;
