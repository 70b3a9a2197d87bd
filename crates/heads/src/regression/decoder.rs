//! One place for each item.

use std::f64::consts::{PI, TAU};

use geoloc_core::{DecodeError, Decoder, Directions, ScaledCoordinates};
use geoloc_geo_cells::{Estimate, LatLng};

use crate::rows::{check_finite, read_rows};

/// Answers the place that the scaled coordinates lead to: outputs beyond (0, 1) go on around the
/// world or over a pole, as the haversine loss measures
/// them. With the angles φ = (y - ½) π and λ = (x - ½) 2π, whatever their size, the place
/// is in the direction (cos φ cos λ, cos φ sin λ, sin φ).
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct ScaledCoordinatesDecoder {
    /// Median error in km, measured on validation photos; it becomes the radius.
    pub spread_km: f64,
}

impl Decoder<ScaledCoordinates> for ScaledCoordinatesDecoder {
    fn decode(
        &self,
        output: ScaledCoordinates,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let place = |row: &[f32]| {
            let [lat, lng] = <[f32; 2]>::try_from(row).ok()?;
            let (sin_lat, cos_lat) = ((f64::from(lat) - 0.5) * PI).sin_cos();
            let (sin_lng, cos_lng) = ((f64::from(lng) - 0.5) * TAU).sin_cos();
            LatLng::from_vector([cos_lat * cos_lng, cos_lat * sin_lng, sin_lat])
        };
        let rows = read_rows(output.0, 2)?;
        Ok(decode_rows(&rows, self.spread_km, place))
    }
}

/// Answers the place in the direction of the vector.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct DirectionDecoder {
    /// Median error in km, measured on validation photos; it becomes the radius.
    pub spread_km: f64,
}

impl Decoder<Directions> for DirectionDecoder {
    /// A zero vector has no direction: [`DecodeError::NotFinite`] for that item.
    fn decode(
        &self,
        output: Directions,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let place = |row: &[f32]| {
            let v = <[f32; 3]>::try_from(row).ok()?;
            LatLng::from_vector(v.map(f64::from))
        };
        let rows = read_rows(output.0, 3)?;
        Ok(decode_rows(&rows, self.spread_km, place))
    }
}

/// One place for each row, with the radius of all; regression states no probability.
fn decode_rows(
    rows: &[Vec<f32>],
    radius50_km: f64,
    place: impl Fn(&[f32]) -> Option<LatLng>,
) -> Vec<Result<Estimate, DecodeError>> {
    rows.iter()
        .enumerate()
        .map(|(index, row)| {
            check_finite(index, row)?;
            let location = place(row).ok_or(DecodeError::NotFinite { index })?;
            Ok(Estimate {
                location,
                radius50_km,
                probability: None,
                candidates: Vec::new(),
            })
        })
        .collect()
}
