//! A table of vectors on a `PostgreSQL` server.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use geoloc_geo_cells::{CellId, LatLng};
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::error::SqlState;
use postgres::types::Type;
use postgres::{Client, NoTls};

use crate::error::{EngineError, EngineFailure};
use crate::kernels::dot;
use crate::suppress::{self, select};
use crate::top_k::TopK;
use crate::{
    AddError, Hit, Hits, MAX_DIM, Place, Query, Rows, SearchError, VectorIndex, VectorIndexMut,
};

use super::value::{Vector, from_signed, to_signed};
use super::{PgConfig, PgSearch};

const ENGINE: &str = "pgvector";
/// pgvector indexes and stores at most this many dimensions.
const PG_MAX_DIM: usize = 16_000;
/// Setting up is one at a time: `PostgreSQL`'s `IF NOT EXISTS` fails when two sessions race.
const SETUP_LOCK: i64 = 0x6765_6f6c_6f63;
/// Rows asked for beyond k, since the server rounds scores in its own way.
const SPARE_ROWS: usize = 16;

/// A [`VectorIndex`] on a `PostgreSQL` server with pgvector, to share a table between machines; Citus
/// spreads it over several by the `cell` column.
///
/// The server finds candidates by its own inner product; their scores are computed here, so that they
/// are those of every other engine. [`Hits::exact`] is true only where the candidates are all rows of
/// the region. Regions become ranges of the `cell` column; the outline of a shape is followed here. Ids
/// must be below 2^63; without ids, rows are numbered on from the largest. Priors are not supported.
///
/// A search that loses the connection reconnects and tries again; adding does not, since it could add
/// twice.
pub struct PgIndex {
    config: PgConfig,
    dim: usize,
    client: Mutex<Client>,
}

impl std::fmt::Debug for PgIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PgIndex({}, {} columns)", self.config.table, self.dim)
    }
}

fn failed(error: &postgres::Error) -> EngineError {
    let failure = match error.code() {
        Some(&SqlState::QUERY_CANCELED) => EngineFailure::TimedOut,
        Some(&SqlState::UNIQUE_VIOLATION) => EngineFailure::Conflict,
        Some(_) => EngineFailure::Refused,
        None => EngineFailure::Unreachable,
    };
    let detail = error
        .as_db_error()
        .map_or_else(|| error.to_string(), ToString::to_string);
    EngineError {
        engine: ENGINE,
        failure,
        detail,
    }
}

fn refused(detail: impl Into<String>) -> EngineError {
    EngineError {
        engine: ENGINE,
        failure: EngineFailure::Refused,
        detail: detail.into(),
    }
}

fn connect(config: &PgConfig) -> Result<Client, EngineError> {
    let mut settings: postgres::Config = config.url.parse().map_err(|e| failed(&e))?;
    settings.connect_timeout(config.connect_timeout);
    let limit = config.statement_timeout.as_millis();
    settings.options(&format!("-c statement_timeout={limit}"));
    settings.connect(NoTls).map_err(|e| failed(&e))
}

impl PgIndex {
    /// Opens a table, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// [`AddError::Engine`] if the server is not reached, has no pgvector, or the table has another
    /// dimension.
    pub fn open(config: PgConfig, dim: usize) -> Result<Self, AddError> {
        if dim == 0 || dim > MAX_DIM.min(PG_MAX_DIM) {
            return Err(AddError::Dim { dim });
        }
        if !config.has_plain_name() {
            return Err(refused(format!("table name {:?}", config.table)).into());
        }
        let mut client = connect(&config)?;
        let table = &config.table;
        let sql = format!(
            "SELECT pg_advisory_xact_lock({SETUP_LOCK});
             CREATE EXTENSION IF NOT EXISTS vector;
             CREATE TABLE IF NOT EXISTS {table} (
                 id bigint PRIMARY KEY, cell bigint, lat float8, lng float8,
                 embedding vector({dim}) NOT NULL);
             CREATE INDEX IF NOT EXISTS {table}_cell ON {table} (cell);"
        );
        client.batch_execute(&sql).map_err(|e| failed(&e))?;
        let found = client
            .query_one(
                "SELECT atttypmod FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = 'embedding'",
                &[table],
            )
            .and_then(|row| row.try_get::<_, i32>(0))
            .map_err(|e| failed(&e))?;
        if usize::try_from(found) != Ok(dim) {
            return Err(refused(format!("table {table} has {found} columns, not {dim}")).into());
        }
        Ok(Self {
            config,
            dim,
            client: Mutex::new(client),
        })
    }

    /// Removes the table.
    ///
    /// # Errors
    ///
    /// [`AddError::Engine`] if the server refuses.
    pub fn drop_table(self) -> Result<(), AddError> {
        let sql = format!("DROP TABLE {}", self.config.table);
        let mut client = self
            .client
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(client.batch_execute(&sql).map_err(|e| failed(&e))?)
    }

    /// Runs something on the connection; `retries` times again on a new one if it was lost.
    fn with_client<T>(
        &self,
        retries: u32,
        mut run: impl FnMut(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, EngineError> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tries = 0;
        loop {
            let error = match run(&mut client) {
                Ok(value) => return Ok(value),
                Err(error) => failed(&error),
            };
            let lost = error.failure == EngineFailure::Unreachable || client.is_closed();
            if !lost || tries == retries {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(100 << tries.min(6)));
            tries += 1;
            if let Ok(new) = connect(&self.config) {
                *client = new;
            }
        }
    }

    /// The best `limit` rows as the server sees them.
    fn candidates(
        &self,
        vector: &[f32],
        query: &Query,
        limit: usize,
    ) -> Result<Vec<(Hit, Vec<f32>)>, EngineError> {
        let table = &self.config.table;
        let mut sql = format!("SELECT id, cell, lat, lng, embedding FROM {table}");
        if let Some(region) = &query.region {
            sql.push_str(" WHERE false");
            for &(low, high) in &region.ranges {
                let (low, high) = (to_signed(low), to_signed(high));
                // Writing to a string does not fail.
                let _ = write!(sql, " OR cell BETWEEN {low} AND {high}");
            }
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let _ = write!(sql, " ORDER BY embedding <#> $1 LIMIT {limit}");
        let setting = match self.config.search {
            PgSearch::Scan => "SET LOCAL enable_indexscan = off".to_owned(),
            PgSearch::Hnsw { ef_search, .. } => format!(
                "SET LOCAL hnsw.ef_search = {}; SET LOCAL hnsw.iterative_scan = relaxed_order",
                ef_search.clamp(1, 1000)
            ),
        };
        let vector = Vector(vector.to_vec());
        let rows = self.with_client(self.config.retries, |client| {
            let mut transaction = client.transaction()?;
            transaction.batch_execute(&setting)?;
            let rows = transaction.query(&sql, &[&vector])?;
            transaction.commit()?;
            Ok(rows)
        })?;
        rows.iter()
            .map(|row| read_row(row).map_err(|e| failed(&e)))
            .collect()
    }

    fn count(&self, sql: &str) -> Result<i64, EngineError> {
        let sql = format!("SELECT {sql} FROM {}", self.config.table);
        self.with_client(self.config.retries, |client| {
            client.query_one(&sql, &[])?.try_get::<_, i64>(0)
        })
    }
}

fn read_row(row: &postgres::Row) -> Result<(Hit, Vec<f32>), postgres::Error> {
    let id: i64 = row.try_get(0)?;
    let cell: Option<i64> = row.try_get(1)?;
    let (lat, lng): (Option<f64>, Option<f64>) = (row.try_get(2)?, row.try_get(3)?);
    let Vector(vector) = row.try_get(4)?;
    let location = lat
        .zip(lng)
        .and_then(|(lat, lng)| LatLng::new(lat, lng).ok());
    let place = location.map(|location| Place {
        location,
        cell: cell.and_then(|cell| CellId::try_from(from_signed(cell)).ok()),
    });
    let hit = Hit {
        id: id.cast_unsigned(),
        score: 0.0,
        place,
    };
    Ok((hit, vector))
}

impl VectorIndex for PgIndex {
    fn dim(&self) -> usize {
        self.dim
    }

    /// Asks the server; 0 if it does not answer.
    fn len(&self) -> usize {
        self.count("count(*)").map_or(0, |n| n as usize)
    }

    fn search(&self, query: &Query) -> Result<Hits, SearchError> {
        let vector = query.combined(self.dim)?;
        if query.prior.is_some() {
            return Err(SearchError::Unsupported {
                engine: ENGINE,
                feature: "priors",
            });
        }
        if query.needs_places() && self.count("count(*) FILTER (WHERE cell IS NULL)")? > 0 {
            return Err(SearchError::NoPlaces);
        }
        select(query, |k| {
            let mut limit = k.saturating_add(SPARE_ROWS);
            loop {
                let rows = self.candidates(&vector, query, limit)?;
                let complete = rows.len() < limit;
                let scored = rows.len();
                let mut best = TopK::new(k);
                let mut hits: Vec<Hit> = Vec::with_capacity(rows.len());
                for (mut hit, values) in rows {
                    let region = query.region.as_ref();
                    let inside = |r: &crate::Region| hit.place.is_some_and(|p| r.contains(&p));
                    if region.is_none_or(inside) {
                        hit.score = dot(&values, &vector);
                        best.push(hit.score, hit.id, hits.len());
                        hits.push(hit);
                    }
                }
                // The outline of a shape may have taken too many.
                if hits.len() < k && !complete {
                    limit = limit.saturating_mul(4);
                    continue;
                }
                let scan = self.config.search == PgSearch::Scan;
                let sorted = best.into_sorted();
                return Ok(suppress::Ranked {
                    hits: sorted
                        .iter()
                        .filter_map(|r| hits.get(r.item).copied())
                        .collect(),
                    reranked: scored,
                    exact: complete && scan,
                    complete,
                });
            }
        })
    }
}

impl VectorIndexMut for PgIndex {
    fn add(&mut self, rows: &Rows<'_>) -> Result<(), AddError> {
        let n = rows.check(self.dim)?;
        let first = match rows.ids {
            Some(_) => 0,
            None => self.count("coalesce(max(id) + 1, 0)")?,
        };
        let mut ids = Vec::with_capacity(n);
        for at in 0..n {
            let id = match rows.ids.and_then(|ids| ids.get(at)) {
                Some(&id) => {
                    i64::try_from(id).map_err(|_| refused(format!("id {id} is 2^63 or more")))?
                }
                None => first + at as i64,
            };
            ids.push(id);
        }
        let table = &self.config.table;
        let copy = format!("COPY {table} (id, cell, lat, lng, embedding) FROM STDIN BINARY");
        let dim = self.dim;
        let added = self.with_client(0, |client| {
            let kind = client
                .prepare(&format!("SELECT embedding FROM {table} LIMIT 0"))?
                .columns()
                .first()
                .map_or(Type::BYTEA, |column| column.type_().clone());
            let mut transaction = client.transaction()?;
            let types = [Type::INT8, Type::INT8, Type::FLOAT8, Type::FLOAT8, kind];
            let mut writer = BinaryCopyInWriter::new(transaction.copy_in(&copy)?, &types);
            for (at, (id, values)) in ids.iter().zip(rows.vectors.chunks_exact(dim)).enumerate() {
                let place = rows.places.and_then(|p| p.get(at)).map(|p| p.with_cell());
                let cell = place.and_then(|p| p.cell).map(|c| to_signed(c.raw()));
                let lat = place.map(|p| p.location.lat());
                let lng = place.map(|p| p.location.lng());
                writer.write(&[id, &cell, &lat, &lng, &Vector(values.to_vec())])?;
            }
            writer.finish()?;
            transaction.commit()
        });
        match added {
            Err(error) if error.failure == EngineFailure::Conflict => Err(duplicate(error)),
            other => Ok(other?),
        }
    }

    fn remove(&mut self, ids: &[u64]) -> Result<usize, AddError> {
        let ids: Vec<i64> = ids
            .iter()
            .filter_map(|&id| i64::try_from(id).ok())
            .collect();
        let sql = format!("DELETE FROM {} WHERE id = ANY($1)", self.config.table);
        let removed = self.with_client(0, |client| client.execute(&sql, &[&ids]))?;
        Ok(removed as usize)
    }

    /// Builds the HNSW graph, if one is configured and not there, and refreshes the statistics.
    fn seal(&mut self) -> Result<(), AddError> {
        let table = &self.config.table;
        let mut sql = String::new();
        if let PgSearch::Hnsw {
            m, ef_construction, ..
        } = self.config.search
        {
            sql = format!(
                "CREATE INDEX IF NOT EXISTS {table}_hnsw ON {table} USING hnsw (embedding vector_ip_ops)
                 WITH (m = {m}, ef_construction = {ef_construction});"
            );
        }
        let _ = write!(sql, "ANALYZE {table};");
        Ok(self.with_client(0, |client| client.batch_execute(&sql))?)
    }
}

/// The id that the server found taken: its message reads `Key (id)=(41) already exists`.
fn duplicate(error: EngineError) -> AddError {
    let id = error
        .detail
        .split("(id)=(")
        .nth(1)
        .and_then(|rest| rest.split(')').next());
    match id.and_then(|id| id.parse().ok()) {
        Some(id) => AddError::DuplicateId { id },
        None => AddError::Engine(error),
    }
}
