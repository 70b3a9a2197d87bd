//! Which places of the world train, which are held out, and how leaks between them are ruled out.

use std::sync::Arc;

use geoloc_geo_cells::{EARTH_RADIUS_KM, LatLng};

use crate::sphere::{dot, lattice};
use crate::stable_hash::{Draws, mix};
use crate::world_split_config::check;
use crate::{SurfaceMap, TileError, TileSpec, WorldSplitConfig, WorldSplitError};

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
    /// Makes the split on a map of land, such as `world::surface()`.
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

    /// The tile of this split about `center`, north up, not changed.
    ///
    /// # Errors
    ///
    /// [`TileError::Pixels`] for a number of pixels that no tile has.
    pub fn tile(&self, center: LatLng, pixels: usize) -> Result<TileSpec, TileError> {
        TileSpec::new(center, self.config.side_km, pixels)
    }

    /// Training tile `index` of the stream `seed`: [`sample_train`](Self::sample_train), changed as
    /// the configuration's jitter allows. Another `view` changes the tile of the same place in
    /// another way.
    ///
    /// # Errors
    ///
    /// As [`tile`](Self::tile).
    pub fn train_tile(
        &self,
        seed: u64,
        index: u64,
        view: u64,
        pixels: usize,
    ) -> Result<TileSpec, TileError> {
        let tile = self.tile(self.sample_train(seed, index), pixels)?;
        self.config
            .jitter
            .apply(tile, mix(seed) ^ mix(!view), index)
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
                .is_ok_and(|tile| self.surface.has_land(&tile, self.config.min_land))
    }
}

#[cfg(test)]
#[path = "world_split_tests.rs"]
mod tests;
