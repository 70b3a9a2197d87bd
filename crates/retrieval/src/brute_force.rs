//! The reference: every row scored in full precision.

use std::collections::HashSet;

use geoloc_geo_cells::haversine_km;

use crate::kernels::dot;
use crate::top_k::{Ranked, TopK};
use crate::{
    AddError, Hit, Hits, MAX_DIM, Place, Query, Rows, SearchError, VectorIndex, VectorIndexMut,
};

/// Exact search by scoring every row in f32. Small, obvious, and what the other engines are tested
/// against; takes any number of rows up to a few hundred thousand at interactive speed.
#[derive(Debug, Clone, Default)]
pub struct BruteForce {
    dim: usize,
    vectors: Vec<f32>,
    ids: Vec<u64>,
    places: Vec<Option<Place>>,
    taken: HashSet<u64>,
    next_id: u64,
}

impl BruteForce {
    /// An empty index.
    ///
    /// # Errors
    ///
    /// [`AddError::Dim`] if `dim` is not in 1 to [`MAX_DIM`].
    pub fn new(dim: usize) -> Result<Self, AddError> {
        if dim == 0 || dim > MAX_DIM {
            return Err(AddError::Dim { dim });
        }
        Ok(Self {
            dim,
            ..Self::default()
        })
    }

    /// All rows that qualify, best first.
    fn ranking(&self, query: &Query, vector: &[f32], k: usize) -> Vec<Ranked<usize>> {
        let mut best = TopK::new(k);
        for (at, row) in self.vectors.chunks_exact(self.dim).enumerate() {
            let inside = match (&query.region, self.places.get(at)) {
                (None, _) => true,
                (Some(region), Some(Some(place))) => region.contains(place),
                _ => false,
            };
            if let (true, Some(&id)) = (inside, self.ids.get(at)) {
                best.push(dot(row, vector), id, at);
            }
        }
        best.into_sorted()
    }

    fn hit(&self, row: &Ranked<usize>) -> Hit {
        Hit {
            id: row.id,
            score: row.score,
            place: self.places.get(row.item).copied().flatten(),
        }
    }
}

impl VectorIndex for BruteForce {
    fn dim(&self) -> usize {
        self.dim
    }

    fn len(&self) -> usize {
        self.ids.len()
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        let vector = query.combined(self.dim)?;
        let selective = query.diversity_km.is_some() || query.distinct_cells;
        if (selective || query.region.is_some()) && self.places.iter().any(Option::is_none) {
            return Err(SearchError::NoPlaces);
        }
        let k = if selective { self.len() } else { query.k };
        let mut hits: Vec<Hit> = Vec::new();
        for row in self.ranking(query, &vector, k.max(1)) {
            let hit = self.hit(&row);
            if hits.iter().all(|taken| !suppresses(query, taken, &hit)) {
                hits.push(hit);
            }
            if hits.len() == query.k {
                break;
            }
        }
        Ok(Hits {
            hits,
            exact: true,
            reranked: self.len(),
        })
    }
}

/// Whether a row already taken rules out another.
fn suppresses(query: &Query, taken: &Hit, other: &Hit) -> bool {
    let (Some(a), Some(b)) = (taken.place, other.place) else {
        return false;
    };
    let same_cell = query.distinct_cells && a.cell.is_some() && a.cell == b.cell;
    let near = query
        .diversity_km
        .is_some_and(|km| haversine_km(a.location, b.location) <= km);
    same_cell || near
}

impl VectorIndexMut for BruteForce {
    fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError> {
        let n = rows.check(self.dim)?;
        let ids: Vec<u64> = match rows.ids {
            Some(ids) => ids.to_vec(),
            None => (self.next_id..).take(n).collect(),
        };
        let mut new = HashSet::with_capacity(n);
        for &id in &ids {
            if self.taken.contains(&id) || !new.insert(id) {
                return Err(AddError::DuplicateId { id });
            }
        }
        self.taken.extend(new);
        self.next_id = ids
            .iter()
            .fold(self.next_id, |next, id| next.max(id.saturating_add(1)));
        self.ids.extend(ids);
        self.vectors.extend_from_slice(rows.vectors);
        match rows.places {
            Some(places) => self.places.extend(places.iter().copied().map(Some)),
            None => self.places.extend(std::iter::repeat_n(None, n)),
        }
        Ok(())
    }

    fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError> {
        let gone: HashSet<u64> = ids
            .iter()
            .copied()
            .filter(|id| self.taken.remove(id))
            .collect();
        if gone.is_empty() {
            return Ok(0);
        }
        let keep: Vec<bool> = self.ids.iter().map(|id| !gone.contains(id)).collect();
        let mut vectors = Vec::with_capacity(self.vectors.len());
        for (row, _) in self
            .vectors
            .chunks_exact(self.dim)
            .zip(&keep)
            .filter(|(_, keep)| **keep)
        {
            vectors.extend_from_slice(row);
        }
        self.vectors = vectors;
        let mut flags = keep.iter();
        self.ids.retain(|_| flags.next().copied().unwrap_or(true));
        let mut flags = keep.iter();
        self.places
            .retain(|_| flags.next().copied().unwrap_or(true));
        Ok(gone.len())
    }

    fn seal(&mut self) -> Result<(), AddError> {
        Ok(())
    }
}
