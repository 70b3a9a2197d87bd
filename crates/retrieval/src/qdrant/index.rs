//! A collection of vectors on a Qdrant server.

use std::collections::HashSet;
use std::fmt;

use qdrant_client::qdrant::{
    CountPointsBuilder, DeletePointsBuilder, Direction, GetPointsBuilder, OrderByBuilder, PointId,
    PointStruct, PointsIdsList, PointsOperationResponse, Query as Nearest, QueryPointsBuilder,
    RetrievedPoint, ScrollPointsBuilder, SearchParamsBuilder, UpdateResult, UpdateStatus,
    UpsertPointsBuilder,
};

use crate::candidates::{Candidate, rank};
use crate::error::EngineError;
use crate::{AddError, Hits, MAX_DIM, Query, Rows, SearchError, VectorIndex, VectorIndexMut};

use super::connection::{Connection, refused, timed_out};
use super::points::{ROW, candidate, filter, number, point, unplaced};
use super::{ENGINE, QdrantConfig, QdrantSearch, collection};

/// Above this, a limit is first compared with the number of rows, since the server makes room for it.
const LARGE_LIMIT: usize = 10_000;

/// A [`VectorIndex`] on a Qdrant server or cluster.
///
/// The server finds candidates by its own inner product; their scores are computed here, so that they
/// are those of every other index. [`Hits::exact`] is true only where the candidates are all rows of
/// the region. Rows carry their S2 id (`cell`) and coordinates (`location`) as payload; regions become
/// ranges of `cell`, and the outline of a shape is followed here. Coordinates come back to 1e-13 degrees.
/// Priors are not supported.
///
/// Rows are sent in batches. Qdrant has no transactions: ids are looked up before, and if a batch fails,
/// those already written are removed; another client that adds the same ids at the same moment is not
/// noticed. Without ids, rows are numbered on from the largest.
///
/// Calls block; they may be made inside an asynchronous runtime, whose thread then waits.
pub struct QdrantIndex {
    connection: Connection,
    dim: usize,
}

impl fmt::Debug for QdrantIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let collection = &self.connection.config().collection;
        write!(f, "QdrantIndex({collection}, {} columns)", self.dim)
    }
}

impl QdrantIndex {
    /// Opens a collection, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// [`AddError::Engine`] if the server is not reached or refuses, or if the collection has another
    /// dimension or distance; [`AddError::Dim`] if `dim` is not in 1 to [`MAX_DIM`].
    pub fn open(config: QdrantConfig, dim: usize) -> Result<Self, AddError> {
        if dim == 0 || dim > MAX_DIM {
            return Err(AddError::Dim { dim });
        }
        let connection = Connection::new(config)?;
        collection::create(&connection, dim)?;
        Ok(Self { connection, dim })
    }

    /// Removes the collection.
    ///
    /// # Errors
    ///
    /// [`AddError::Engine`] if the server refuses.
    pub fn drop_collection(self) -> Result<(), AddError> {
        Ok(collection::drop_collection(&self.connection)?)
    }

    fn name(&self) -> &str {
        &self.connection.config().collection
    }

    fn points(&self) -> Result<usize, EngineError> {
        let count = CountPointsBuilder::new(self.name()).exact(true).build();
        let answer =
            self.connection.call(
                count,
                |client, count| async move { client.count(count).await },
            )?;
        let result = answer
            .result
            .ok_or_else(|| refused("an answer without a count"))?;
        Ok(result.count as usize)
    }

    fn scroll(&self, scroll: ScrollPointsBuilder) -> Result<Vec<RetrievedPoint>, EngineError> {
        let scroll = scroll
            .limit(1)
            .with_payload(false)
            .with_vectors(false)
            .build();
        let answer = self.connection.call(scroll, |client, scroll| async move {
            client.scroll(scroll).await
        })?;
        Ok(answer.result)
    }

    /// One past the largest id, 0 if there are no rows.
    fn next_id(&self) -> Result<u64, EngineError> {
        let descending = OrderByBuilder::new(ROW).direction(Direction::Desc as i32);
        let found = self.scroll(ScrollPointsBuilder::new(self.name()).order_by(descending))?;
        let largest = found.first().and_then(|point| number(point.id.as_ref()?));
        Ok(largest.map_or(0, |id| id.saturating_add(1)))
    }

    /// Which of these ids are there.
    fn known(&self, ids: &[u64]) -> Result<HashSet<u64>, EngineError> {
        let mut known = HashSet::new();
        for ids in ids.chunks(self.batch()) {
            let points: Vec<PointId> = ids.iter().map(|&id| id.into()).collect();
            let get = GetPointsBuilder::new(self.name(), points)
                .with_payload(false)
                .with_vectors(false)
                .build();
            let answer =
                self.connection.call(
                    get,
                    |client, get| async move { client.get_points(get).await },
                )?;
            known.extend(answer.result.iter().filter_map(|p| number(p.id.as_ref()?)));
        }
        Ok(known)
    }

    fn batch(&self) -> usize {
        self.connection.config().batch.max(1)
    }

    fn upsert(&self, points: Vec<PointStruct>) -> Result<(), EngineError> {
        let upsert = UpsertPointsBuilder::new(self.name(), points)
            .wait(true)
            .timeout(self.connection.seconds())
            .build();
        let answer = self.connection.call(upsert, |client, upsert| async move {
            client.upsert_points(upsert).await
        })?;
        completed(&answer)
    }

    fn delete(&self, ids: &[u64]) -> Result<(), EngineError> {
        for ids in ids.chunks(self.batch()) {
            let points = PointsIdsList {
                ids: ids.iter().map(|&id| id.into()).collect(),
            };
            let delete = DeletePointsBuilder::new(self.name())
                .points(points)
                .wait(true)
                .timeout(self.connection.seconds())
                .build();
            let answer = self.connection.call(delete, |client, delete| async move {
                client.delete_points(delete).await
            })?;
            completed(&answer)?;
        }
        Ok(())
    }

    /// The best `limit` rows of the region's ranges, as the server sees them.
    fn candidates(
        &self,
        vector: &[f32],
        query: &Query,
        limit: usize,
    ) -> Result<Vec<Candidate>, EngineError> {
        // A filter without conditions would let everything pass.
        if query.region.as_ref().is_some_and(|r| r.ranges.is_empty()) {
            return Ok(Vec::new());
        }
        let limit = if limit > LARGE_LIMIT {
            limit.min(self.points()?.max(1))
        } else {
            limit
        };
        let params = match self.connection.config().search {
            QdrantSearch::Scan => SearchParamsBuilder::default().exact(true),
            QdrantSearch::Hnsw { ef_search, .. } => {
                SearchParamsBuilder::default().hnsw_ef(ef_search.max(1))
            }
        };
        let mut nearest = QueryPointsBuilder::new(self.name())
            .query(Nearest::from(vector.to_vec()))
            .limit(limit as u64)
            .params(params)
            .with_payload(true)
            .with_vectors(true)
            .timeout(self.connection.seconds());
        if let Some(region) = &query.region {
            nearest = nearest.filter(filter(region));
        }
        let answer = self
            .connection
            .call(nearest.build(), |client, nearest| async move {
                client.query(nearest).await
            })?;
        let read = |point| {
            candidate(point)
                .filter(|row| row.values.len() == self.dim)
                .ok_or_else(|| refused("a point that is no row of this library"))
        };
        answer.result.into_iter().map(read).collect()
    }
}

/// Whether the server has carried out what it was asked to wait for.
fn completed(answer: &PointsOperationResponse) -> Result<(), EngineError> {
    match answer.result.as_ref().map(UpdateResult::status) {
        Some(UpdateStatus::Completed) => Ok(()),
        Some(UpdateStatus::Acknowledged | UpdateStatus::WaitTimeout) => {
            Err(timed_out("the server has not yet carried out the update"))
        }
        status => Err(refused(format!("the update ended as {status:?}"))),
    }
}

impl VectorIndex for QdrantIndex {
    fn dim(&self) -> usize {
        self.dim
    }

    /// Asks the server.
    fn count(&self) -> Result<usize, SearchError> {
        Ok(self.points()?)
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        let vector = query.combined(self.dim)?;
        if query.prior.is_some() {
            return Err(SearchError::Unsupported {
                engine: ENGINE,
                feature: "priors",
            });
        }
        if query.needs_places() {
            let one = ScrollPointsBuilder::new(self.name()).filter(unplaced());
            if !self.scroll(one)?.is_empty() {
                return Err(SearchError::NoPlaces);
            }
        }
        let scan = self.connection.config().search == QdrantSearch::Scan;
        let hits = rank(query, &vector, scan, |limit| {
            self.candidates(&vector, query, limit)
        })?;
        Ok(hits)
    }
}

impl VectorIndexMut for QdrantIndex {
    fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError> {
        let n = rows.check(self.dim)?;
        let ids: Vec<u64> = if let Some(ids) = rows.ids {
            let mut taken = self.known(ids)?;
            if let Some(&id) = ids.iter().find(|&&id| !taken.insert(id)) {
                return Err(AddError::DuplicateId { id });
            }
            ids.to_vec()
        } else {
            let first = self.next_id()?;
            let ids = (0..n as u64).map(|at| first.checked_add(at));
            ids.collect::<Option<_>>()
                .ok_or_else(|| refused("there are no ids above the largest"))?
        };
        let batch = self.batch();
        let vectors = rows.vectors.chunks(batch * self.dim);
        for (number, (ids_here, vectors)) in ids.chunks(batch).zip(vectors).enumerate() {
            let place = |at: usize| {
                rows.places
                    .and_then(|p| p.get(number * batch + at))
                    .copied()
            };
            let points = ids_here
                .iter()
                .zip(vectors.chunks_exact(self.dim))
                .enumerate()
                .map(|(at, (&id, values))| point(id, values, place(at)))
                .collect();
            if let Err(error) = self.upsert(points) {
                // All or nothing, as far as the server still answers.
                let written = &ids[..number * batch + ids_here.len()];
                let _ = self.delete(written);
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError> {
        let known: Vec<u64> = self.known(ids)?.into_iter().collect();
        self.delete(&known)?;
        Ok(known.len())
    }

    /// Waits until the server has built its graph of the rows added so far.
    fn seal(&mut self) -> Result<(), AddError> {
        Ok(collection::wait_until_built(&self.connection)?)
    }
}
