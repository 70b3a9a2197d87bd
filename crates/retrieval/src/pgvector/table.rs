//! Making the table, filling it, and its graph.

use std::fmt::Write as _;

use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::Type;

use crate::error::{EngineError, EngineFailure};
use crate::signed::to_signed;
use crate::{AddError, Rows};

use super::PgSearch;
use super::connection::{Connection, refused};
use super::value::Vector;

/// Setting up is one at a time: `PostgreSQL`'s `IF NOT EXISTS` fails when two sessions race.
const SETUP_LOCK: i64 = 0x6765_6f6c_6f63;
/// Loading and building take the time they take; the limit of a statement is for the others.
const NO_LIMIT: &str = "SET LOCAL statement_timeout = 0";

/// Makes the extension, the table and its index by cell, each if it is not there; checks the dimension.
pub(super) fn create(connection: &Connection, dim: usize) -> Result<(), EngineError> {
    let table = &connection.config().table;
    let setup = format!(
        "SELECT pg_advisory_xact_lock({SETUP_LOCK});
         CREATE EXTENSION IF NOT EXISTS vector;
         CREATE TABLE IF NOT EXISTS {table} (
             id bigint PRIMARY KEY, cell bigint, lat float8, lng float8,
             embedding vector({dim}) NOT NULL);
         CREATE INDEX IF NOT EXISTS {table}_cell ON {table} (cell);"
    );
    let columns = "SELECT atttypmod FROM pg_attribute \
                   WHERE attrelid = $1::text::regclass AND attname = 'embedding'";
    let found = connection.read(|client| {
        client.batch_execute(&setup)?;
        client.query_one(columns, &[table])?.try_get::<_, i32>(0)
    })?;
    if usize::try_from(found) == Ok(dim) {
        Ok(())
    } else {
        Err(refused(format!(
            "table {table} has {found} columns, not {dim}"
        )))
    }
}

/// Adds rows by a binary COPY; `first` is the id of the first row if the rows bring none.
pub(super) fn load(
    connection: &Connection,
    dim: usize,
    rows: &Rows<'_>,
    first: i64,
) -> Result<(), AddError> {
    let n = rows.vectors.len() / dim;
    let mut ids = Vec::with_capacity(n);
    for at in 0..n {
        ids.push(match rows.ids.and_then(|ids| ids.get(at)) {
            Some(&id) => {
                i64::try_from(id).map_err(|_| refused(format!("id {id} is 2^63 or more")))?
            }
            None => first.saturating_add(at as i64),
        });
    }
    let table = &connection.config().table;
    let copy = format!("COPY {table} (id, cell, lat, lng, embedding) FROM STDIN BINARY");
    let kind = format!("SELECT embedding FROM {table} LIMIT 0");
    let added = connection.write(|client| {
        let kind = client.prepare(&kind)?;
        let kind = kind.columns().first().map(|column| column.type_().clone());
        let mut transaction = client.transaction()?;
        transaction.batch_execute(NO_LIMIT)?;
        let types = [
            Type::INT8,
            Type::INT8,
            Type::FLOAT8,
            Type::FLOAT8,
            // A statement that selects one column has one.
            kind.unwrap_or(Type::BYTEA),
        ];
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

/// Builds the HNSW graph, if one is configured and not there, and refreshes the statistics.
pub(super) fn seal(connection: &Connection) -> Result<(), EngineError> {
    let table = &connection.config().table;
    let mut sql = format!("{NO_LIMIT};");
    if let PgSearch::Hnsw {
        m, ef_construction, ..
    } = connection.config().search
    {
        // Writing to a string does not fail.
        let _ = write!(
            sql,
            "CREATE INDEX IF NOT EXISTS {table}_hnsw ON {table} USING hnsw (embedding vector_ip_ops)
             WITH (m = {m}, ef_construction = {ef_construction});"
        );
    }
    let _ = write!(sql, "ANALYZE {table};");
    connection.write(|client| {
        let mut transaction = client.transaction()?;
        transaction.batch_execute(&sql)?;
        transaction.commit()
    })
}
