//! Batches of some places with several photos each, as losses over pairs need them.

use std::collections::HashMap;

use thiserror::Error;

use crate::epochs::shuffled;
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
    /// A photo is not among the labelled ones.
    #[error("photo {row} has no label")]
    NoLabel {
        /// Its position in the data set.
        row: usize,
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

/// Locations for a loss over pairs, place by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PlaceBatches {
    /// Positions of at least two places each; none if there are no two places with a pair.
    pub(crate) batches: Vec<Vec<usize>>,
    /// Locations that are alone at their place and in no batch.
    pub(crate) lone: usize,
}

/// Puts all locations that have another one at their place, see [`same_places`], into batches of about
/// `batch` with whole places together, in an order that mixes near and far ones: a function of the
/// arguments alone.
///
/// A batch has two places at least. A place with more than half a batch is divided evenly into parts of
/// at least two, which come into different batches as far as there are other places.
pub(crate) fn place_batches(
    locations: &[LatLng],
    width_km: f64,
    batch: usize,
) -> Result<PlaceBatches, PlaceDrawError> {
    let mut places = same_places(locations, width_km)?;
    let all = places.len();
    places.retain(|place| place.len() > 1);
    let lone = all - places.len();
    if places.len() < 2 {
        let batches = Vec::new();
        return Ok(PlaceBatches { batches, lone });
    }
    let most = (batch / 2).max(2);
    let order = shuffled(places.len(), 0);
    let places: Vec<&Vec<usize>> = order.iter().filter_map(|&k| places.get(k)).collect();
    let parts = |place: &[usize]| place.len().div_ceil(most).min(place.len() / 2);
    let rounds = places.iter().map(|place| parts(place)).fold(0, usize::max);
    let mut batches: Vec<Vec<Vec<usize>>> = Vec::new();
    for round in 0..rounds {
        for place in places.iter().filter(|place| round < parts(place)) {
            let part = place.iter().skip(round).step_by(parts(place));
            let part: Vec<usize> = part.copied().collect();
            let size = |batch: &[Vec<usize>]| batch.iter().map(Vec::len).sum::<usize>();
            match batches.last_mut() {
                Some(last) if last.len() < 2 || size(last) + part.len() <= batch => last.push(part),
                _ => batches.push(vec![part]),
            }
        }
    }
    // The last batch may have one part: it gets another, or goes where there are two.
    if let [.., before, last] = batches.as_mut_slice()
        && last.len() == 1
    {
        if before.len() > 2 {
            last.extend(before.pop());
        } else {
            before.append(last);
        }
    }
    let batches = batches.into_iter().map(|parts| parts.concat());
    Ok(PlaceBatches {
        batches: batches.filter(|rows| !rows.is_empty()).collect(),
        lone,
    })
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
    fn batches_of_places_hold_each_pair_once_and_two_places_at_least() {
        // Places of these sizes a degree apart, mixed with each other in the list.
        let list = |sizes: &[usize]| -> Vec<LatLng> {
            let most = sizes.iter().max().copied().unwrap();
            let row = |k: usize| {
                let there = sizes.iter().enumerate().filter(move |(_, n)| k < **n);
                there.map(move |(place, _)| at(place as f64, 1e-6 * k as f64))
            };
            (0..most).flat_map(row).collect()
        };
        for sizes in [
            &[2, 2][..],
            &[3, 1, 2, 5, 1, 2, 2, 4, 3],
            &[2; 33],
            &[7, 7, 7],
            &[40, 2, 30, 1, 3],
            &[1, 50, 51],
        ] {
            let locations = list(sizes);
            let place = |row: usize| locations[row].lat().round() as usize;
            for batch in [1, 4, 8, 64] {
                let found = place_batches(&locations, 0.01, batch).unwrap();
                assert_eq!(found, place_batches(&locations, 0.01, batch).unwrap());
                let mut rows = found.batches.concat();
                rows.sort_unstable();
                let paired = (0..locations.len()).filter(|&r| sizes[place(r)] > 1);
                assert!(rows.into_iter().eq(paired), "{sizes:?} {batch}");
                assert_eq!(found.lone, sizes.iter().filter(|n| **n == 1).count());
                for rows in &found.batches {
                    let mut counts = std::collections::BTreeMap::new();
                    for &row in rows {
                        *counts.entry(place(row)).or_insert(0) += 1;
                    }
                    assert!(counts.values().all(|n| *n > 1), "{counts:?}");
                    let whole = counts.iter().all(|(place, n)| sizes[*place] == *n);
                    let large = counts.iter().any(|(place, _)| sizes[*place] > batch / 2);
                    assert!(whole || large, "{sizes:?} {batch} {counts:?}");
                    assert!(counts.len() > 1 || large, "{sizes:?} {batch} {counts:?}");
                    assert!(
                        rows.len() <= (batch + batch / 2).max(9),
                        "{sizes:?} {batch}"
                    );
                }
            }
        }
        for sizes in [&[][..], &[1, 1, 1], &[9], &[9, 1]] {
            let locations = sizes
                .iter()
                .enumerate()
                .flat_map(|(place, n)| std::iter::repeat_n(at(place as f64, 0.0), *n));
            let locations: Vec<LatLng> = locations.collect();
            let found = place_batches(&locations, 0.01, 8).unwrap();
            assert!(found.batches.is_empty(), "{sizes:?}: {found:?}");
        }
    }

    #[test]
    fn widths_that_are_no_distance_are_refused() {
        for width_km in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = same_places(&[], width_km).unwrap_err();
            assert!(matches!(error, PlaceDrawError::Width { .. }), "{error}");
        }
    }
}
