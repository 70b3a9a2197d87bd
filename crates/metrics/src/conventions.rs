//! The choices that make two accuracies comparable, kept beside the numbers.

use geoloc_geo_cells::{EARTH_RADIUS_KM, EarthRadius, LatLng, geodesic_km, haversine_km};
use serde::{Deserialize, Serialize};

use crate::{Bootstrap, MetricError};

/// How a distance is measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "formula")]
#[non_exhaustive]
pub enum DistanceRule {
    /// Great circle on a sphere (haversine).
    Haversine {
        /// Radius of the sphere in km.
        radius_km: f64,
    },
    /// Geodesic on the WGS84 ellipsoid.
    Geodesic,
}

impl DistanceRule {
    /// Distance in km between two places.
    #[must_use]
    pub fn km(self, a: LatLng, b: LatLng) -> f64 {
        match self {
            Self::Haversine { radius_km } => haversine_km(a, b) * (radius_km / EARTH_RADIUS_KM),
            Self::Geodesic => geodesic_km(a, b),
        }
    }
}

impl std::fmt::Display for DistanceRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Haversine { radius_km } => write!(f, "haversine, R = {radius_km} km"),
            Self::Geodesic => f.write_str("geodesic on WGS84"),
        }
    }
}

/// Whether a distance equal to the radius counts as within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `distance <= radius` (GeoCLIP, Im2GPS-revisited).
    #[serde(rename = "<=")]
    Within,
    /// `distance < radius` (PIGEON, OSV-5M).
    #[serde(rename = "<")]
    Below,
}

impl Comparison {
    /// Whether `distance_km` counts for `radius_km`; always false for NaN.
    #[must_use]
    pub fn holds(self, distance_km: f64, radius_km: f64) -> bool {
        match self {
            Self::Within => distance_km <= radius_km,
            Self::Below => distance_km < radius_km,
        }
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Within => "<=",
            Self::Below => "<",
        })
    }
}

/// The score of the game `GeoGuessr`: `max · exp(−d / scale_km)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GeoScoreRule {
    /// Score at distance zero.
    pub max: f64,
    /// Distance in km at which the score falls to 1/e of the maximum.
    pub scale_km: f64,
    /// Whether each item is rounded to a whole number before averaging (PIGEON does, OSV-5M and PLONK do not).
    pub rounded: bool,
}

impl GeoScoreRule {
    /// The score of one answer; 0 for a distance that is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use geoloc_metrics::GeoScoreRule;
    ///
    /// let rule = GeoScoreRule::default();
    /// assert!((rule.score(750.0) - 3025.247).abs() < 1e-3);
    /// ```
    #[must_use]
    pub fn score(self, distance_km: f64) -> f64 {
        if distance_km.is_nan() {
            return 0.0;
        }
        let score = self.max * (-distance_km / self.scale_km).exp();
        if self.rounded { score.round() } else { score }
    }
}

impl Default for GeoScoreRule {
    /// 5000 · exp(−d / 1492.7 km), not rounded.
    fn default() -> Self {
        Self {
            max: 5000.0,
            scale_km: 1492.7,
            rounded: false,
        }
    }
}

/// Where an item whose score equals that of the true one is ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TiePolicy {
    /// Ties rank above the true item: a constant score earns nothing.
    Pessimistic,
    /// Ties rank below the true item, as where only strictly better items are counted (`Sample4Geo`): a constant score
    /// earns 100 %.
    Optimistic,
}

/// Every choice behind the numbers of a report; recorded in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Conventions {
    /// Distance formula and radius.
    pub distance: DistanceRule,
    /// `<=` or `<` at the radii.
    pub comparison: Comparison,
    /// Constants of the `GeoScore`.
    pub geo_score: GeoScoreRule,
    /// Ranks of tied items.
    pub ties: TiePolicy,
    /// Confidence intervals.
    pub bootstrap: Bootstrap,
}

impl Default for Conventions {
    /// Mean radius 6371.0088 km, `<=`, unrounded score, pessimistic ties, 1,000 resamples at 95 %.
    fn default() -> Self {
        Self {
            distance: DistanceRule::Haversine {
                radius_km: EARTH_RADIUS_KM,
            },
            comparison: Comparison::Within,
            geo_score: GeoScoreRule::default(),
            ties: TiePolicy::Pessimistic,
            bootstrap: Bootstrap::default(),
        }
    }
}

impl Conventions {
    /// Fails on constants that no distance or score can be computed with.
    pub(crate) fn check(&self) -> Result<(), MetricError> {
        let radius_km = match self.distance {
            DistanceRule::Haversine { radius_km } => radius_km,
            DistanceRule::Geodesic => EARTH_RADIUS_KM,
        };
        let GeoScoreRule { max, scale_km, .. } = self.geo_score;
        let positive = [
            ("radius of the Earth", radius_km),
            ("GeoScore maximum", max),
            ("GeoScore scale", scale_km),
        ];
        for (name, value) in positive {
            if !(value > 0.0 && value < 1e9) {
                return Err(MetricError::Setting {
                    name,
                    value,
                    expected: "a positive number below 1e9",
                });
            }
        }
        self.bootstrap.check()
    }

    fn sphere(radius: EarthRadius, comparison: Comparison, rounded: bool) -> Self {
        Self {
            distance: DistanceRule::Haversine {
                radius_km: radius.km(),
            },
            comparison,
            geo_score: GeoScoreRule {
                rounded,
                ..GeoScoreRule::default()
            },
            ..Self::default()
        }
    }

    /// As OSV-5M and PLONK evaluate: 6371 km, `<`, unrounded score. Failures still count as misses here, where PLONK
    /// removes NaN predictions from the denominators.
    #[must_use]
    pub fn osv5m() -> Self {
        Self::sphere(EarthRadius::Rounded, Comparison::Below, false)
    }

    /// As PIGEON evaluates: 6378.137 km, `<`, each score rounded.
    #[must_use]
    pub fn pigeon() -> Self {
        Self::sphere(EarthRadius::Equatorial, Comparison::Below, true)
    }

    /// As Im2GPS-revisited evaluates: 6371 km, `<=`.
    #[must_use]
    pub fn im2gps() -> Self {
        Self::sphere(EarthRadius::Rounded, Comparison::Within, false)
    }

    /// As GeoCLIP evaluates: geodesic on WGS84, `<=`.
    #[must_use]
    pub fn geoclip() -> Self {
        Self {
            distance: DistanceRule::Geodesic,
            ..Self::default()
        }
    }

    /// The same conventions with another bootstrap.
    #[must_use]
    pub fn with_bootstrap(mut self, bootstrap: Bootstrap) -> Self {
        self.bootstrap = bootstrap;
        self
    }
}

impl std::fmt::Display for Conventions {
    /// One line for the head of a table.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let GeoScoreRule {
            max,
            scale_km,
            rounded,
        } = self.geo_score;
        let rounding = if rounded { ", rounded per item" } else { "" };
        let ties = match self.ties {
            TiePolicy::Pessimistic => "ties rank above the true item",
            TiePolicy::Optimistic => "ties rank below the true item",
        };
        write!(
            f,
            "{}; within: distance {} radius; GeoScore {max}·exp(−d/{scale_km} km){rounding}; {ties}; failures count as misses",
            self.distance, self.comparison
        )?;
        if self.bootstrap.resamples > 0 {
            write!(
                f,
                "; {} % intervals from {} bootstrap resamples, seed {}",
                self.bootstrap.level * 100.0,
                self.bootstrap.resamples,
                self.bootstrap.seed
            )?;
        }
        Ok(())
    }
}
