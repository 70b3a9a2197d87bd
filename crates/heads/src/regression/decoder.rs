//! One place for each item.

use geoloc_core::{
    DecodeError, Decoder, Directions, PlaceMass, ScaledCoordinates, estimate_from_masses,
};
use geoloc_geo_cells::{Estimate, LatLng};

use crate::rows::{check_finite, read_rows};

/// Answers the scaled coordinates, clamped to (0, 1): coordinates cannot go on beyond the
/// antimeridian or a pole.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct ScaledCoordinatesDecoder {
    /// Typical error in km, measured on validation photos; it becomes the radius.
    pub spread_km: f64,
}

impl Decoder<ScaledCoordinates> for ScaledCoordinatesDecoder {
    fn decode(
        &self,
        output: ScaledCoordinates,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let place = |row: &[f32]| {
            let [lat, lng] = <[f32; 2]>::try_from(row).ok()?;
            let degrees = |x: f32, range: f64| (f64::from(x).clamp(0.0, 1.0) - 0.5) * range;
            // 180 degrees east would be folded to 180 degrees west, the same place.
            LatLng::new(degrees(lat, 180.0), degrees(lng, 360.0)).ok()
        };
        let rows = read_rows(output.0, 2)?;
        Ok(decode_rows(&rows, self.spread_km, place))
    }
}

/// Answers the place in the direction of the vector.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct DirectionDecoder {
    /// Typical error in km, measured on validation photos; it becomes the radius.
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

fn decode_rows(
    rows: &[Vec<f32>],
    spread_km: f64,
    place: impl Fn(&[f32]) -> Option<LatLng>,
) -> Vec<Result<Estimate, DecodeError>> {
    rows.iter()
        .enumerate()
        .map(|(index, row)| {
            check_finite(index, row)?;
            let mass = place(row).map(|location| PlaceMass {
                location,
                probability: 1.0,
                spread_km,
                cell: None,
            });
            mass.and_then(|mass| estimate_from_masses(&[mass], 1))
                .ok_or(DecodeError::NotFinite { index })
        })
        .collect()
}
