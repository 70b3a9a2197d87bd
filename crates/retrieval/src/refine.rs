//! From ranked cells to one place finer than a cell.

use geoloc_geo_cells::{Cap, CoveringError, LatLng, haversine_km};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Hit, Query, Region, SearchError, VectorIndex};

/// How the best cells become one place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CellRefinement {
    /// Cells farther from the best one than this take no part, in km; about two cell widths.
    pub radius_km: f64,
    /// A cell counts with `exp((score - best) / temperature)`.
    pub temperature: f64,
}

/// Why a ranking could not be refined.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum RefineError {
    /// A number is not positive and finite.
    #[error("{name} must be a positive finite number, got {value}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// The rejected value.
        value: f64,
    },
    /// The search for reference photos failed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The circle about the place cannot be covered with cells.
    #[error(transparent)]
    Covering(#[from] CoveringError),
}

/// A place finer than a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefinedPlace {
    /// The place.
    pub location: LatLng,
    /// The reference photo it was taken from, if any.
    pub photo: Option<u64>,
}

impl CellRefinement {
    fn check(self) -> Result<(), RefineError> {
        let numbers = [
            ("radius_km", self.radius_km),
            ("temperature", self.temperature),
        ];
        match numbers
            .into_iter()
            .find(|(_, v)| !(v.is_finite() && *v > 0.0))
        {
            Some((name, value)) => Err(RefineError::Parameter { name, value }),
            None => Ok(()),
        }
    }

    /// The score-weighted mean, on the sphere, of the cells near the best one; `None` if no hit has a
    /// place. Hits are in the order of a ranking, best first.
    ///
    /// # Errors
    ///
    /// [`RefineError::Parameter`].
    pub fn centroid(&self, hits: &[Hit]) -> Result<Option<LatLng>, RefineError> {
        self.check()?;
        let located = |hit: &Hit| Some((f64::from(hit.score), hit.place?.location));
        let mut cells = hits.iter().filter_map(located);
        let Some((best, center)) = cells.next() else {
            return Ok(None);
        };
        let mut sum = center.to_unit_vector();
        for (score, place) in cells {
            if haversine_km(center, place) > self.radius_km {
                continue;
            }
            let weight = ((score - best) / self.temperature).exp();
            for (s, v) in sum.iter_mut().zip(place.to_unit_vector()) {
                *s += weight * v;
            }
        }
        // The cells lie on one side of the Earth: the sum cannot vanish unless the radius is absurd.
        Ok(Some(LatLng::from_vector(sum).unwrap_or(center)))
    }

    /// As [`centroid`](Self::centroid), then the most similar of the reference photos within
    /// `snap_km` of it; the centroid itself where there is none.
    ///
    /// `photos` holds embeddings of photos with places, `query` is the photo asked for.
    ///
    /// # Errors
    ///
    /// [`RefineError`].
    pub fn snap(
        &self,
        hits: &[Hit],
        photos: &dyn VectorIndex,
        query: &[f32],
        snap_km: f64,
    ) -> Result<Option<RefinedPlace>, RefineError> {
        if !(snap_km.is_finite() && snap_km > 0.0) {
            return Err(RefineError::Parameter {
                name: "snap_km",
                value: snap_km,
            });
        }
        let Some(location) = self.centroid(hits)? else {
            return Ok(None);
        };
        let region = Region::cap(&Cap::new(location, snap_km))?;
        let near = Query::new(query).k(1).region(region);
        let found = photos.search(&near)?.hits;
        let photo = found.first().and_then(|hit| Some((hit.id, hit.place?)));
        Ok(Some(match photo {
            Some((id, place)) => RefinedPlace {
                location: place.location,
                photo: Some(id),
            },
            None => RefinedPlace {
                location,
                photo: None,
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FlatIndex, Place, Rows, VectorIndexMut};

    fn at(lat: f64, lng: f64) -> LatLng {
        LatLng::new(lat, lng).unwrap()
    }

    fn hit(score: f32, place: LatLng) -> Hit {
        Hit {
            id: 0,
            score,
            place: Some(Place::from(place)),
        }
    }

    const REFINEMENT: CellRefinement = CellRefinement {
        radius_km: 200.0,
        temperature: 0.1,
    };

    #[test]
    fn near_cells_pull_by_their_scores_and_far_ones_do_not() {
        let hits = [
            hit(0.9, at(0.0, 179.5)),
            hit(0.9, at(0.0, -179.5)),
            hit(0.89, at(50.0, 0.0)),
        ];
        let found = REFINEMENT.centroid(&hits).unwrap().unwrap();
        assert!(haversine_km(found, at(0.0, 180.0)) < 1e-6, "{found:?}");
        // e^-1 for the second: its share of the way is e^-1 / (1 + e^-1).
        let hits = [hit(0.9, at(0.0, 0.0)), hit(0.8, at(0.0, 1.0))];
        let found = REFINEMENT.centroid(&hits).unwrap().unwrap();
        let share = (-1f64).exp() / (1.0 + (-1f64).exp());
        assert!((found.lng() - share).abs() < 1e-4, "{found:?}");
        assert_eq!(REFINEMENT.centroid(&[]).unwrap(), None);
    }

    #[test]
    fn snaps_to_the_most_similar_photo_nearby() {
        let mut photos = FlatIndex::new(2).unwrap();
        let places = [at(0.0, 0.2), at(0.0, 0.3), at(40.0, 0.0)].map(Place::from);
        let vectors = [0.8, 0.6, 0.6, 0.8, 1.0, 0.0];
        photos
            .add(&Rows::new(&vectors).with_places(&places))
            .unwrap();
        let hits = [hit(0.9, at(0.0, 0.0))];
        let query = [1.0, 0.0];
        let found = REFINEMENT.snap(&hits, &photos, &query, 100.0).unwrap();
        assert_eq!(found.unwrap().photo, Some(0));
        let found = REFINEMENT
            .snap(&hits, &photos, &query, 1.0)
            .unwrap()
            .unwrap();
        assert_eq!((found.location, found.photo), (at(0.0, 0.0), None));
    }

    #[test]
    fn numbers_that_make_no_sense_are_named() {
        let wrong = CellRefinement {
            radius_km: 0.0,
            ..REFINEMENT
        };
        assert!(matches!(
            wrong.centroid(&[]),
            Err(RefineError::Parameter {
                name: "radius_km",
                ..
            })
        ));
    }
}
