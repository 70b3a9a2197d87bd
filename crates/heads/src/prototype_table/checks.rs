//! Shapes, order and finiteness of what comes in.

use geoloc_geo_cells::CellId;

use super::{TableConfig, TableError};

pub(super) fn check(cells: &[CellId], config: &TableConfig) -> Result<(), TableError> {
    config.check()?;
    match cells.windows(2).position(|pair| pair[0] >= pair[1]) {
        Some(row) => Err(TableError::Order { row: row + 1 }),
        None => Ok(()),
    }
}

pub(super) fn shape(what: &'static str, expected: usize, found: usize) -> Result<(), TableError> {
    if expected == found {
        return Ok(());
    }
    Err(TableError::Shape {
        what,
        expected,
        found,
    })
}

pub(super) fn finite(what: &'static str, values: &[f32], dim: usize) -> Result<(), TableError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(TableError::NotFinite {
            what,
            row: at / dim.max(1),
        }),
        None => Ok(()),
    }
}
