//! What is asked of an index.

use std::sync::Arc;

use crate::rows::check_vectors;
use crate::{Prior, Region, SearchError, VectorError};

/// A search: one or more vectors, how many rows, and where.
///
/// # Several vectors
///
/// The score is the weighted sum of the inner products. An index of one part scores
/// `(Σ w_i v_i) · x`, for several crops or views of one photo. An index of several parts takes one
/// vector per part, or one vector for all of them.
///
/// # Examples
///
/// ```
/// use geoloc_retrieval::Query;
///
/// let query = Query::new(&[0.6, 0.8]).k(20).diversity_radius_km(5.0);
/// assert_eq!(query.vector_count(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct Query {
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) weights: Option<Vec<f32>>,
    pub(crate) k: usize,
    pub(crate) region: Option<Region>,
    pub(crate) diversity_km: Option<f64>,
    pub(crate) distinct_cells: bool,
    pub(crate) prior: Option<(Arc<Prior>, f32)>,
    pub(crate) probes: Option<usize>,
    pub(crate) rerank: Option<usize>,
}

impl Query {
    /// The ten best rows for one vector.
    #[must_use]
    pub fn new(vector: &[f32]) -> Self {
        Self {
            vectors: vec![vector.to_vec()],
            weights: None,
            k: 10,
            region: None,
            diversity_km: None,
            distinct_cells: false,
            prior: None,
            probes: None,
            rerank: None,
        }
    }

    /// One more vector: the next view of the photo, or the next part of the index.
    #[must_use]
    pub fn and(mut self, vector: &[f32]) -> Self {
        self.vectors.push(vector.to_vec());
        self
    }

    /// One weight per vector (or per part of the index); all 1 by default.
    #[must_use]
    pub fn weights(mut self, weights: &[f32]) -> Self {
        self.weights = Some(weights.to_vec());
        self
    }

    /// How many rows to answer with; 10 by default.
    #[must_use]
    pub fn k(mut self, k: usize) -> Self {
        self.k = k;
        self
    }

    /// Only rows inside a region.
    #[must_use]
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Only places more than `km` apart: going down the ranking, a row within `km` of a row already
    /// taken is passed over (greedy non-maximum suppression).
    #[must_use]
    pub fn diversity_radius_km(mut self, km: f64) -> Self {
        self.diversity_km = Some(km);
        self
    }

    /// Only the best row of each cell: the maximum over several vectors of one cell.
    #[must_use]
    pub fn distinct_cells(mut self) -> Self {
        self.distinct_cells = true;
        self
    }

    /// Adds `weight` times a value per cell to every score.
    #[must_use]
    pub fn prior(mut self, prior: Arc<Prior>, weight: f32) -> Self {
        self.prior = Some((prior, weight));
        self
    }

    /// How many lists an approximate index visits; its own default otherwise. Exact engines ignore it.
    #[must_use]
    pub fn probes(mut self, lists: usize) -> Self {
        self.probes = Some(lists);
        self
    }

    /// How many rows an approximate index scores in full; its own default otherwise. Engines that
    /// choose by certificate ignore it.
    #[must_use]
    pub fn rerank(mut self, rows: usize) -> Self {
        self.rerank = Some(rows);
        self
    }

    /// Number of vectors given.
    #[must_use]
    pub fn vector_count(&self) -> usize {
        self.vectors.len()
    }

    /// Whether rows without a place cannot be judged.
    pub(crate) fn needs_places(&self) -> bool {
        self.region.is_some() || self.prior.is_some() || self.is_selective()
    }

    /// The full-precision score of a row: its inner product, and the prior of its S2 id.
    pub(crate) fn total(&self, product: f64, cell: u64) -> f32 {
        match &self.prior {
            None => product as f32,
            Some((prior, weight)) => {
                (product + f64::from(*weight) * f64::from(prior.value_raw(cell))) as f32
            }
        }
    }

    /// Whether rows rule out other rows.
    pub(crate) fn is_selective(&self) -> bool {
        self.diversity_km.is_some() || self.distinct_cells
    }

    /// Checks everything that does not depend on the engine.
    pub(crate) fn check(&self, dim: usize) -> Result<(), SearchError> {
        if self.k == 0 {
            return Err(SearchError::ZeroK);
        }
        for (row, vector) in self.vectors.iter().enumerate() {
            if vector.len() != dim {
                return Err(SearchError::Vector(VectorError::Shape {
                    dim,
                    values: vector.len(),
                }));
            }
            check_vectors(vector, dim).map_err(|e| e.after_rows(row))?;
        }
        for &weight in self.weights.iter().flatten() {
            if !weight.is_finite() {
                return Err(parameter("weight", f64::from(weight)));
            }
        }
        if let Some((_, weight)) = &self.prior
            && !(weight.is_finite() && weight.abs() <= 1e18)
        {
            return Err(parameter("prior weight", f64::from(*weight)));
        }
        match self.diversity_km {
            Some(km) if !(km.is_finite() && km >= 0.0) => Err(parameter("diversity radius", km)),
            _ => Ok(()),
        }
    }

    /// The vector to search an index of one part with: the weighted sum, rounded to f32.
    pub(crate) fn combined(&self, dim: usize) -> Result<Vec<f32>, SearchError> {
        self.check(dim)?;
        let weights = match &self.weights {
            None => vec![1.0; self.vectors.len()],
            Some(w) if w.len() == self.vectors.len() => w.clone(),
            Some(w) => {
                return Err(SearchError::Count {
                    what: "weights",
                    expected: self.vectors.len(),
                    given: w.len(),
                });
            }
        };
        let mut sum = vec![0f64; dim];
        for (vector, weight) in self.vectors.iter().zip(weights) {
            for (s, &v) in sum.iter_mut().zip(vector) {
                *s += f64::from(weight) * f64::from(v);
            }
        }
        let sum: Vec<f32> = sum.into_iter().map(|s| s as f32).collect();
        check_vectors(&sum, dim)?;
        Ok(sum)
    }
}

/// The vectors of some queries of a batch; a malformed query is named by its number.
pub(crate) fn combined_all(
    queries: &[&Query],
    first: usize,
    dim: usize,
) -> Result<Vec<Vec<f32>>, SearchError> {
    let numbered = (first..).zip(queries);
    numbered
        .map(|(number, query)| query.combined(dim).map_err(|e| e.in_batch(number)))
        .collect()
}

fn parameter(name: &'static str, value: f64) -> SearchError {
    SearchError::Parameter { name, value }
}
