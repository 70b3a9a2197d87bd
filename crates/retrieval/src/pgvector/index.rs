//! A table of vectors on a `PostgreSQL` server.

use crate::candidates::rank;
use crate::{
    AddError, EngineError, Hits, MAX_DIM, Query, Rows, SearchError, VectorIndex, VectorIndexMut,
};

use super::connection::{Connection, refused};
use super::search::candidates;
use super::value::Vector;
use super::{ENGINE, PgConfig, PgSearch, table};

/// pgvector stores at most this many dimensions.
const PG_MAX_DIM: usize = 16_000;

/// A [`VectorIndex`] on a `PostgreSQL` server with pgvector, to share a table between machines.
///
/// The server finds candidates by its own inner product; their scores are computed here, so that they
/// are those of every other index. [`Hits::exact`] is true only where the candidates are all rows of
/// the region. Regions become ranges of the `cell` column; the outline of a shape is followed here. Ids
/// must be below 2^63; without ids, rows are numbered on from the largest. Priors are not supported.
/// A graph takes at most 2,000 dimensions. The connection is not encrypted.
///
/// A search that loses the connection reconnects and tries again; adding does not, since it could add
/// twice. Neither loading nor building the graph is under the time limit of statements.
pub struct PgIndex {
    connection: Connection,
    dim: usize,
}

impl std::fmt::Debug for PgIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let table = &self.connection.config().table;
        write!(f, "PgIndex({table}, {} columns)", self.dim)
    }
}

impl PgIndex {
    /// Opens a table, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// [`AddError::Engine`] if the server is not reached, has no pgvector, or the table has another
    /// dimension; [`AddError::Dim`] if `dim` is not in 1 to 16,000.
    pub fn open(config: PgConfig, dim: usize) -> Result<Self, AddError> {
        if dim == 0 || dim > MAX_DIM.min(PG_MAX_DIM) {
            return Err(AddError::Dim { dim });
        }
        if !config.has_plain_name() {
            return Err(refused(format!("table name {:?}", config.table)).into());
        }
        let connection = Connection::open(config)?;
        table::create(&connection, dim)?;
        Ok(Self { connection, dim })
    }

    /// Removes the table.
    ///
    /// # Errors
    ///
    /// [`AddError::Engine`] if the server refuses.
    pub fn drop_table(self) -> Result<(), AddError> {
        let sql = format!("DROP TABLE {}", self.connection.config().table);
        Ok(self.connection.write(|client| client.batch_execute(&sql))?)
    }

    fn number(&self, what: &str) -> Result<i64, EngineError> {
        let sql = format!("SELECT {what} FROM {}", self.connection.config().table);
        self.connection
            .read(|client| client.query_one(&sql, &[])?.try_get::<_, i64>(0))
    }

    /// Whether some row has no place; the index by cell answers.
    fn has_unplaced(&self) -> Result<bool, EngineError> {
        let table = &self.connection.config().table;
        let sql = format!("SELECT EXISTS (SELECT FROM {table} WHERE cell IS NULL)");
        self.connection
            .read(|client| client.query_one(&sql, &[])?.try_get::<_, bool>(0))
    }
}

impl VectorIndex for PgIndex {
    fn dim(&self) -> usize {
        self.dim
    }

    /// Asks the server.
    fn count(&self) -> Result<usize, SearchError> {
        Ok(self.number("count(*)")? as usize)
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        let vector = query.combined(self.dim)?;
        if query.prior.is_some() {
            return Err(SearchError::Unsupported {
                engine: ENGINE,
                feature: "priors",
            });
        }
        if query.needs_places() && self.has_unplaced()? {
            return Err(SearchError::NoPlaces);
        }
        let scan = self.connection.config().search == PgSearch::Scan;
        let sent = Vector(vector.clone());
        let hits = rank(query, &vector, scan, |limit| {
            candidates(&self.connection, &sent, query, limit)
        })?;
        Ok(hits)
    }
}

impl VectorIndexMut for PgIndex {
    fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError> {
        rows.check(self.dim)?;
        let first = match rows.ids {
            Some(_) => 0,
            None => self.number("coalesce(max(id) + 1, 0)")?,
        };
        table::load(&self.connection, self.dim, rows, first)
    }

    fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError> {
        let ids: Vec<i64> = ids
            .iter()
            .filter_map(|&id| i64::try_from(id).ok())
            .collect();
        let table = &self.connection.config().table;
        let sql = format!("DELETE FROM {table} WHERE id = ANY($1)");
        let removed = self
            .connection
            .write(|client| client.execute(&sql, &[&ids]))?;
        Ok(removed as usize)
    }

    /// Builds the HNSW graph, if one is configured and not there, and refreshes the statistics.
    fn seal(&mut self) -> Result<(), AddError> {
        Ok(table::seal(&self.connection)?)
    }
}
