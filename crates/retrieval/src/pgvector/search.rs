//! Asking the server for candidates.

use std::fmt::Write as _;

use geoloc_geo_cells::{CellId, LatLng};

use crate::candidates::Candidate;
use crate::error::EngineError;
use crate::signed::{from_signed, to_signed};
use crate::{Place, Query};

use super::PgSearch;
use super::connection::{Connection, refused};
use super::value::Vector;

/// The best `limit` rows of the region's ranges, as the server sees them.
pub(super) fn candidates(
    connection: &Connection,
    vector: &Vector,
    query: &Query,
    limit: usize,
) -> Result<Vec<Candidate>, EngineError> {
    let table = &connection.config().table;
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
    let setting = match connection.config().search {
        PgSearch::Scan => "SET LOCAL enable_indexscan = off".to_owned(),
        PgSearch::Hnsw { ef_search, .. } => format!(
            "SET LOCAL hnsw.ef_search = {}; SET LOCAL hnsw.iterative_scan = relaxed_order",
            ef_search.clamp(1, 1000)
        ),
    };
    let rows = connection.read(|client| {
        let mut transaction = client.transaction()?;
        transaction.batch_execute(&setting)?;
        let rows = transaction.query(&sql, &[vector])?;
        transaction.commit()?;
        Ok(rows)
    })?;
    let read = |row| candidate(row).map_err(|error| refused(error.to_string()));
    rows.iter().map(read).collect()
}

fn candidate(row: &postgres::Row) -> Result<Candidate, postgres::Error> {
    let id: i64 = row.try_get(0)?;
    let cell: Option<i64> = row.try_get(1)?;
    let (lat, lng): (Option<f64>, Option<f64>) = (row.try_get(2)?, row.try_get(3)?);
    let Vector(values) = row.try_get(4)?;
    let location = lat
        .zip(lng)
        .and_then(|(lat, lng)| LatLng::new(lat, lng).ok());
    let place = location.map(|location| Place {
        location,
        cell: cell.and_then(|cell| CellId::try_from(from_signed(cell)).ok()),
    });
    Ok(Candidate {
        id: id.cast_unsigned(),
        place,
        values,
    })
}
