//! The two traits that every engine implements.

use crate::{AddError, Hits, Query, Rows, SearchError};

/// The largest dimension of an index.
pub const MAX_DIM: usize = 16_384;

/// The read half of an index over vectors of one dimension. Object safe.
///
/// # Score
///
/// The score of row x for query q is the inner product, in f32: the products are summed in f64 in one fixed
/// order and rounded once to f32, so that every engine, kernel and machine gives the same number. The order:
/// sixteen running sums, column j in sum j mod 16; then sum i + 8 is added to sum i for i below 8, and so on
/// with 4, 2 and 1. Vectors are taken as they are: normalise them for cosine similarity; raw vectors
/// (fused cell codes) work as well. Rows rank by descending score, ties by ascending id.
///
/// # Shapes
///
/// All blocks of vectors are row-major, `[n, dim]`.
pub trait VectorIndex: Send + Sync + std::fmt::Debug {
    /// Dimension of the vectors.
    fn dim(&self) -> usize;

    /// Number of rows that a search can answer with (removed rows do not count). Indexes in this process also
    /// have a `len` that cannot fail.
    ///
    /// # Errors
    ///
    /// [`SearchError::Engine`] if a server does not answer.
    fn count(&self) -> Result<usize, SearchError>;

    /// The best `query.k` rows. An empty index, or a region without rows, gives no hits; a `k` above
    /// the number of rows gives all of them.
    ///
    /// # Errors
    ///
    /// [`SearchError`] if the query is malformed, or asks for what the engine does not do.
    fn search(&self, query: &Query) -> Result<Hits, SearchError>;

    /// Answers many queries; engines share work between them where they can.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search), for the first query that fails: [`SearchError::InBatch`] names it.
    /// [`search_each`](Self::search_each) answers the others.
    fn search_batch(&self, queries: &[Query]) -> Result<Vec<Hits>, SearchError> {
        let numbered = queries.iter().enumerate();
        numbered
            .map(|(number, query)| self.search(query).map_err(|e| e.in_batch(number)))
            .collect()
    }

    /// Answers many queries, each with its own result: a malformed one does not cost the others. If an engine
    /// behind the index fails, so do all.
    fn search_each(&self, queries: &[Query]) -> Vec<Result<Hits, SearchError>> {
        let checks: Vec<_> = queries.iter().map(|q| q.check(self.dim())).collect();
        let sound: Vec<Query>;
        let asked = if checks.iter().all(Result::is_ok) {
            queries
        } else {
            let pairs = queries.iter().zip(&checks);
            sound = pairs
                .filter(|(_, check)| check.is_ok())
                .map(|(query, _)| query.clone())
                .collect();
            &sound
        };
        let answers: Vec<_> = match self.search_batch(asked) {
            Ok(all) => all.into_iter().map(Ok).collect(),
            Err(e) if e.is_of_engine() => vec![Err(e); asked.len()],
            Err(_) => asked.iter().map(|query| self.search(query)).collect(),
        };
        let mut answers = answers.into_iter();
        let each = checks.into_iter().map(|check| match check {
            Err(e) => Some(Err(e)),
            Ok(()) => answers.next(),
        });
        // There are as many answers as sound queries, so that none is left out.
        each.flatten().collect()
    }
}

/// The write half. Object safe.
pub trait VectorIndexMut: VectorIndex {
    /// Adds rows; they are found by the next search, sealed or not. All or nothing.
    ///
    /// Without ids, rows are numbered on from one past the largest id (from 0 in an empty index).
    ///
    /// # Errors
    ///
    /// [`AddError`] if a vector is malformed or an id is taken; nothing was added then.
    fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError>;

    /// Removes rows; answers how many of the ids were there.
    ///
    /// # Errors
    ///
    /// [`AddError`] if the engine cannot remove.
    fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError>;

    /// Turns the rows added so far into their fast searchable form. Answers do not change, only speed.
    ///
    /// # Errors
    ///
    /// [`AddError`] if the engine cannot build that form.
    fn seal(&mut self) -> Result<(), AddError>;
}
