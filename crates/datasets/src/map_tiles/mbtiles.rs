//! Tiles in one `SQLite` file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{RowOrder, SlippyTile, TileProblem, TileSource, TileSourceError};
use crate::{Photo, decode_photo_bytes};

/// An `MBTiles` file (specification 1.3): a `SQLite` database with the table or view
/// `tiles (zoom_level, tile_column, tile_row, tile_data)`, rows counted from the south, and the table
/// `metadata (name, value)`. Opened for reading only; reads take turns, decoding does not.
#[derive(Debug)]
pub struct MbTiles {
    path: PathBuf,
    connection: Mutex<Connection>,
}

const PRESENT: &str =
    "SELECT 1 FROM tiles WHERE zoom_level = ?1 AND tile_column = ?2 AND tile_row = ?3 LIMIT 1";
const DATA: &str =
    "SELECT tile_data FROM tiles WHERE zoom_level = ?1 AND tile_column = ?2 AND tile_row = ?3";

impl MbTiles {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`TileSourceError`] if there is no such file, it is not such a database, or its tiles are
    /// vector tiles (`pbf`).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TileSourceError> {
        let path = path.as_ref().to_path_buf();
        let name = path.display().to_string();
        let failed = |e: rusqlite::Error| TileSourceError::new(&name, database(&e));
        std::fs::metadata(&path).map_err(|e| TileSourceError::new(&name, e))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        // Compiling the statement shows whether the table and its columns exist.
        connection.prepare_cached(DATA).map_err(failed)?;
        // The table is missing in files of some programs; the tiles tell what they are.
        let one = |query| {
            connection
                .query_row(query, [], |row| row.get::<_, String>(0))
                .optional()
        };
        let described = one("SELECT name FROM sqlite_master WHERE name = 'metadata'");
        let format = match described.map_err(failed)? {
            Some(_) => one("SELECT value FROM metadata WHERE name = 'format'").map_err(failed)?,
            None => None,
        };
        if let Some(format) = format.filter(|f| f == "pbf") {
            return Err(TileSourceError::new(
                &name,
                TileProblem::NotImages { format },
            ));
        }
        Ok(Self {
            path,
            connection: Mutex::new(connection),
        })
    }

    /// Coarsest and finest zoom level that have tiles; `None` if there are no tiles.
    ///
    /// # Errors
    ///
    /// [`TileSourceError`] if the database cannot be read.
    pub fn zooms(&self) -> Result<Option<(u8, u8)>, TileSourceError> {
        let read = |sql: &str| {
            let level = self
                .lock()
                .query_row(sql, [], |row| row.get::<_, Option<u8>>(0));
            level.map_err(|e| TileSourceError::new(self.path.display().to_string(), database(&e)))
        };
        let min = read("SELECT MIN(zoom_level) FROM tiles")?;
        let max = read("SELECT MAX(zoom_level) FROM tiles")?;
        Ok(min.zip(max))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, tile: SlippyTile, problem: impl Into<TileProblem>) -> TileSourceError {
        TileSourceError::new(self.name_of(tile), problem)
    }
}

fn key(tile: SlippyTile) -> (u8, u32, u32) {
    (tile.zoom(), tile.x(), tile.row(RowOrder::Tms))
}

fn database(error: &rusqlite::Error) -> TileProblem {
    TileProblem::Database(error.to_string())
}

impl TileSource for MbTiles {
    fn contains(&self, tile: SlippyTile) -> Result<bool, TileSourceError> {
        let failed = |e: rusqlite::Error| self.failed(tile, database(&e));
        let connection = self.lock();
        let mut statement = connection.prepare_cached(PRESENT).map_err(failed)?;
        statement.exists(key(tile)).map_err(failed)
    }

    fn read(&self, tile: SlippyTile) -> Result<Option<Photo>, TileSourceError> {
        let failed = |e: rusqlite::Error| self.failed(tile, database(&e));
        let data: Option<Vec<u8>> = {
            let connection = self.lock();
            let mut statement = connection.prepare_cached(DATA).map_err(failed)?;
            let found = statement.query_row(key(tile), |row| row.get(0)).optional();
            found.map_err(failed)?
        };
        data.map(|bytes| decode_photo_bytes(&bytes).map_err(|e| self.failed(tile, e)))
            .transpose()
    }

    fn name_of(&self, tile: SlippyTile) -> String {
        format!("{}, tile {tile}", self.path.display())
    }
}
