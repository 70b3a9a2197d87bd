//! One evaluator for every [`Locator`].

use crate::core::{Locator, Photo};
use crate::geo_cells::{LatLng, Partition};
use crate::metrics::{Conventions, MethodReport, MetricError, Prediction, Rank, Role};
use crate::retrieval::{Query, SearchError, VectorIndex};

/// Radii in km of every report here: street and city at the scale of 384 km tiles would be empty,
/// so 25 and 50 km stand for both; then region, country and continent.
pub const RADII_KM: [f64; 5] = [25.0, 50.0, 200.0, 750.0, 2500.0];

/// A photo with the place where it was taken.
#[derive(Clone, Debug)]
pub struct LocatedPhoto {
    /// Name in the report, unique in its set.
    pub id: String,
    /// The pixels.
    pub photo: Photo,
    /// The truth.
    pub location: LatLng,
}

/// Locates every photo and summarises the distances; a photo that fails counts as a miss.
///
/// # Errors
///
/// [`MetricError`] if there are no photos.
pub fn evaluate(
    locator: &dyn Locator,
    role: Role,
    photos: &[LocatedPhoto],
    conventions: &Conventions,
) -> Result<MethodReport, MetricError> {
    let pixels: Vec<Photo> = photos.iter().map(|p| p.photo.clone()).collect();
    let predictions = photos
        .iter()
        .zip(locator.locate(&pixels))
        .map(|(p, estimate)| match estimate {
            Ok(estimate) => Prediction::from_estimate(&p.id, p.location, &estimate),
            Err(_) => Prediction::new(&p.id, p.location, None),
        })
        .collect();
    MethodReport::evaluate(locator.name(), role, predictions, &RADII_KM, conventions)
}

/// The least error that any choice of one class of `partition` can have: for each photo the
/// nearest class location. No cell classifier can pass it.
///
/// # Errors
///
/// [`MetricError`] if there are no photos.
pub fn oracle_cells(
    partition: &Partition,
    photos: &[LocatedPhoto],
    conventions: &Conventions,
) -> Result<MethodReport, MetricError> {
    let predictions = photos
        .iter()
        .map(|p| {
            let nearest = partition.nearest(p.location);
            let place = nearest.and_then(|class| partition.location(class));
            Prediction::new(&p.id, p.location, place)
        })
        .collect();
    MethodReport::evaluate(
        "oracle cell",
        Role::Ceiling,
        predictions,
        &RADII_KM,
        conventions,
    )
}

/// The rank of gallery row `i` for query `i`, from the index: `queries` is row-major `[n, dim]`
/// and row ids are positions.
///
/// # Errors
///
/// [`SearchError`] if the queries do not fit the index.
pub fn diagonal_ranks(
    index: &dyn VectorIndex,
    queries: &[f32],
) -> Result<Vec<Option<Rank>>, SearchError> {
    let rows = index.count()?;
    let queries: Vec<Query> = queries
        .chunks_exact(index.dim().max(1))
        .map(|row| Query::new(row).k(rows.max(1)))
        .collect();
    let answers = index.search_batch(&queries)?;
    Ok(answers
        .iter()
        .enumerate()
        .map(|(own, answer)| {
            let position = answer.hits.iter().position(|hit| hit.id == own as u64)?;
            Rank::from_scores(&answer.scores(), position)
        })
        .collect())
}

/// The row of an index that is nearest to `query`, if there is one.
///
/// # Errors
///
/// [`SearchError`] if the query does not fit the index.
pub fn nearest(index: &dyn VectorIndex, query: &[f32]) -> Result<Option<usize>, SearchError> {
    let hits = index.search(&Query::new(query).k(1))?.hits;
    Ok(hits.first().and_then(|hit| usize::try_from(hit.id).ok()))
}
