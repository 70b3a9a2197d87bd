//! Batches of some places with several photos each, as losses over pairs need them.

use std::collections::HashMap;

use thiserror::Error;

use crate::geo_cells::{EARTH_RADIUS_KM, LatLng, haversine_km};

/// Why photos cannot be drawn place by place.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PlaceDrawError {
    /// One photo makes no pair.
    #[error("{photos} photos of a place make no pair; there must be at least 2")]
    Photos {
        /// Photos of a place.
        photos: usize,
    },
    /// The batch is no whole number of places, or holds one alone.
    #[error("a batch of {batch} does not hold two places or more with {photos} photos each")]
    Batch {
        /// Photos of a batch.
        batch: usize,
        /// Photos of a place.
        photos: usize,
    },
    /// The width is no distance.
    #[error("places cannot be {width_km} km wide")]
    Width {
        /// Width of a place in km.
        width_km: f64,
    },
    /// Too few photos have another one near them.
    #[error(
        "{places} places within {width_km} km have two photos or more, and give {photos} photos: \
         not enough for a batch of {batch}"
    )]
    Few {
        /// Places with at least two photos.
        places: usize,
        /// Photos that are drawn in an epoch.
        photos: usize,
        /// Photos of a batch.
        batch: usize,
        /// Width of a place in km.
        width_km: f64,
    },
}

/// Checks a batch of P times K photos of K photos a place.
pub(crate) fn check_places(batch: usize, photos: usize) -> Result<(), PlaceDrawError> {
    if photos < 2 {
        return Err(PlaceDrawError::Photos { photos });
    }
    if !batch.is_multiple_of(photos) || batch / photos < 2 {
        return Err(PlaceDrawError::Batch { batch, photos });
    }
    Ok(())
}

/// Divides locations into places, so that two of one place are never farther apart than `width_km`
/// (and a rounding error): the positions of each place.
///
/// A location goes to the nearest place whose first location lies within half the width, the
/// earliest of those at the same distance; without one, it begins a place. Takes time in proportion to
/// the number of locations times that of places nearby.
pub(super) fn same_places(
    locations: &[LatLng],
    width_km: f64,
) -> Result<Vec<Vec<usize>>, PlaceDrawError> {
    if !(width_km.is_finite() && width_km > 0.0) {
        return Err(PlaceDrawError::Width { width_km });
    }
    let reach = 0.5 * width_km;
    // Chords are shorter than arcs: whatever lies within reach is in this box or the next ones. More
    // than a few million boxes along the axis would serve nothing below a metre.
    let side = (reach / EARTH_RADIUS_KM).max(1e-7);
    let of = |at: LatLng| at.to_unit_vector().map(|x| (x / side).floor() as i64);
    let mut first: Vec<LatLng> = Vec::new();
    let mut places: Vec<Vec<usize>> = Vec::new();
    let mut boxes: HashMap<[i64; 3], Vec<usize>> = HashMap::new();
    for (row, &at) in locations.iter().enumerate() {
        let own = of(at);
        let near = (0..27_i64).flat_map(|k| {
            let next = [
                own[0] + k % 3 - 1,
                own[1] + k / 3 % 3 - 1,
                own[2] + k / 9 - 1,
            ];
            boxes.get(&next).map_or(&[][..], Vec::as_slice)
        });
        let distances = near.filter_map(|&place| {
            let km = haversine_km(at, *first.get(place)?);
            (km <= reach).then_some((km, place))
        });
        let nearest = distances.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if let Some(rows) = nearest.and_then(|(_, place)| places.get_mut(place)) {
            rows.push(row);
        } else {
            boxes.entry(own).or_default().push(places.len());
            first.push(at);
            places.push(vec![row]);
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lng: f64) -> LatLng {
        LatLng::new(lat, lng).unwrap()
    }

    #[test]
    fn places_are_no_wider_than_asked_and_leave_nothing_out() {
        let spiral = |i: u32| {
            let t = f64::from(i);
            at(89.0 - 0.44 * t, (137.5 * t) % 360.0 - 180.0)
        };
        let mut locations: Vec<LatLng> = (0..400).map(spiral).collect();
        // Tight groups at the antimeridian and at a pole.
        for i in 0..30 {
            let t = f64::from(i) * 1e-3;
            locations.push(at(
                -17.0 + t,
                if i % 2 == 0 { 180.0 - t } else { -180.0 + t },
            ));
            locations.push(at(89.99, 12.0 * f64::from(i)));
        }
        for width_km in [0.004, 3.0, 40.0, 2500.0, 50_000.0] {
            let places = same_places(&locations, width_km).unwrap();
            let mut rows: Vec<usize> = places.iter().flatten().copied().collect();
            rows.sort_unstable();
            assert!(rows.iter().copied().eq(0..locations.len()));
            for (k, place) in places.iter().enumerate() {
                for &a in place {
                    for &b in place {
                        assert!(haversine_km(locations[a], locations[b]) <= width_km + 1e-9);
                    }
                }
                // Otherwise it would have gone to an earlier place.
                for other in &places[..k] {
                    let km = haversine_km(locations[place[0]], locations[other[0]]);
                    assert!(km > 0.5 * width_km);
                }
            }
        }
        // Both groups lie within 4.5 km of their first photo.
        let places = same_places(&locations[400..], 10.0).unwrap();
        assert_eq!(places.len(), 2, "{places:?}");
        assert_eq!(same_places(&locations, 50_000.0).unwrap().len(), 1);
    }

    #[test]
    fn widths_that_are_no_distance_are_refused() {
        for width_km in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = same_places(&[], width_km).unwrap_err();
            assert!(matches!(error, PlaceDrawError::Width { .. }), "{error}");
        }
    }
}
