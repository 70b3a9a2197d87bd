//! Losses of heads that answer coordinates.

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{Directions, Loss, ScaledCoordinates, TargetEncoder, TargetError};
use geoloc_geo_cells::{EARTH_RADIUS_KM, EarthRadius, LatLng};

/// Latitude and longitude scaled linearly to (0, 1), `[batch, 2]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ScaledPlaces;

impl TargetEncoder for ScaledPlaces {
    type Target = Tensor<2>;

    /// Never fails.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<Tensor<2>, TargetError> {
        let values: Vec<f32> = truth
            .iter()
            .flat_map(|p| [p.lat() / 180.0 + 0.5, p.lng() / 360.0 + 0.5])
            .map(|x| x as f32)
            .collect();
        Ok(Tensor::from_data(
            TensorData::new(values, [truth.len(), 2]),
            device,
        ))
    }
}

/// Unit vectors (cos φ cos λ, cos φ sin λ, sin φ), `[batch, 3]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct UnitVectors;

impl TargetEncoder for UnitVectors {
    type Target = Tensor<2>;

    /// Never fails.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<Tensor<2>, TargetError> {
        let values: Vec<f32> = truth
            .iter()
            .flat_map(|p| p.to_unit_vector())
            .map(|x| x as f32)
            .collect();
        Ok(Tensor::from_data(
            TensorData::new(values, [truth.len(), 3]),
            device,
        ))
    }
}

/// Great-circle distance in km between scaled coordinates, the mean over the batch: the loss of
/// the published comparison of regression with classification.
///
/// The haversine `h` is clamped to [1e-12, 1 - 1e-6], so that it is never NaN and its gradient is
/// finite: the loss is never below 13 m, and 13 km short at the antipode. The loss itself wraps,
/// but coordinates in (0, 1) cannot: to cross the antimeridian, they go around the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HaversineLoss {
    /// Radius of the sphere.
    pub radius: EarthRadius,
}

impl Loss<ScaledCoordinates> for HaversineLoss {
    type Target = Tensor<2>;

    fn forward(&self, output: &ScaledCoordinates, target: &Tensor<2>) -> Tensor<1> {
        use std::f64::consts::PI;
        let latitude = |x: &Tensor<2>| (x.clone().narrow(1, 0, 1) - 0.5) * PI;
        let difference = output.0.clone() - target.clone();
        let half_dlat = difference.clone().narrow(1, 0, 1) * (0.5 * PI);
        let half_dlng = difference.narrow(1, 1, 1) * PI;
        let cosines = latitude(&output.0).cos() * latitude(target).cos();
        let h = half_dlat.sin().square() + cosines * half_dlng.sin().square();
        central_angle(h).mean() * self.radius.km()
    }
}

/// What a [`DirectionLoss`] measures between unit vectors.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
#[non_exhaustive]
pub enum Discrepancy {
    /// Half the squared chord, equal to `1 - u·v`: smooth everywhere. The default.
    #[default]
    HalfSquaredChord,
    /// The central angle in radians: as [`HaversineLoss`] without the radius.
    Angle,
    /// `1 - exp(-d / scale_km)` with the great-circle distance `d`: the share of the game score
    /// that is lost, 1492.7 km in the usual score. It increases with `d`; the form of OSV-5M with
    /// `exp(-d / 1852)` alone would reward errors.
    Score {
        /// Distance at which the score has fallen to 1/e.
        scale_km: f64,
    },
}

/// Loss between unit vectors: no seam, no poles.
///
/// Chords are computed from differences of coordinates, not from the dot product, whose rounding
/// in f32 is kilometres (`acos` near 1).
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct DirectionLoss {
    /// What is measured.
    pub discrepancy: Discrepancy,
}

impl Loss<Directions> for DirectionLoss {
    type Target = Tensor<2>;

    fn forward(&self, output: &Directions, target: &Tensor<2>) -> Tensor<1> {
        let squared = (output.0.clone() - target.clone()).square().sum_dim(1);
        match self.discrepancy {
            Discrepancy::HalfSquaredChord => squared.mean() * 0.5,
            Discrepancy::Angle => central_angle(squared * 0.25).mean(),
            Discrepancy::Score { scale_km } => {
                let decay = central_angle(squared * 0.25) * (-EARTH_RADIUS_KM / scale_km);
                decay.exp().mean().neg() + 1.0
            }
        }
    }
}

/// Central angle of a haversine `h`, the square of the sine of half the angle.
fn central_angle(h: Tensor<2>) -> Tensor<2> {
    h.clamp(1e-12, 1.0 - 1e-6).sqrt().asin() * 2.0
}

#[cfg(test)]
#[path = "regression_tests.rs"]
mod tests;
