//! Where map tiles are read from.

use thiserror::Error;

use super::SlippyTile;
use crate::{Photo, PhotoError};

/// What is wrong with a tile or with what holds it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TileProblem {
    /// The image cannot be read.
    #[error(transparent)]
    Image(#[from] PhotoError),
    /// The tile has another size than the service's tiles.
    #[error("has {width} x {height} pixels where tiles of {expected} x {expected} are expected")]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Pixels along a side that were expected.
        expected: u32,
    },
    /// The file system refuses.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A database cannot be read, or is not a tile database.
    #[error("is not a readable tile database: {0}")]
    Database(String),
    /// A database holds something else than images.
    #[error("holds tiles of format {format:?}, not images")]
    NotImages {
        /// Format named in the database.
        format: String,
    },
    /// The ground asked for takes more tiles than one cut may read.
    #[error(
        "asks for {tiles} map tiles at once, more than the limit of {limit}: use a coarser zoom"
    )]
    TooManyTiles {
        /// Tiles needed.
        tiles: u64,
        /// The limit.
        limit: u64,
    },
}

/// A [`TileProblem`] with the file, or the tile of a database, that it is about.
#[derive(Debug, Error)]
#[error("{name}: {problem}")]
pub struct TileSourceError {
    /// Path of the file, and the tile inside it if it holds many.
    pub name: String,
    /// What is wrong.
    pub problem: TileProblem,
}

impl TileSourceError {
    pub(super) fn new(name: impl Into<String>, problem: impl Into<TileProblem>) -> Self {
        Self {
            name: name.into(),
            problem: problem.into(),
        }
    }
}

/// A pyramid of map tiles. Object safe.
pub trait TileSource: Send + Sync {
    /// Whether the tile is there, without decoding it.
    ///
    /// # Errors
    ///
    /// [`TileSourceError`] if that cannot be told.
    fn contains(&self, tile: SlippyTile) -> Result<bool, TileSourceError>;

    /// The pixels of a tile; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// [`TileSourceError`], naming the file, if the tile is there and damaged.
    fn read(&self, tile: SlippyTile) -> Result<Option<Photo>, TileSourceError>;

    /// What messages call a tile of this source: its path, or the name of the file that holds it
    /// followed by the tile.
    fn name_of(&self, tile: SlippyTile) -> String;
}

impl<S: TileSource + ?Sized> TileSource for &S {
    fn contains(&self, tile: SlippyTile) -> Result<bool, TileSourceError> {
        (**self).contains(tile)
    }

    fn read(&self, tile: SlippyTile) -> Result<Option<Photo>, TileSourceError> {
        (**self).read(tile)
    }

    fn name_of(&self, tile: SlippyTile) -> String {
        (**self).name_of(tile)
    }
}

impl<S: TileSource + ?Sized> TileSource for Box<S> {
    fn contains(&self, tile: SlippyTile) -> Result<bool, TileSourceError> {
        (**self).contains(tile)
    }

    fn read(&self, tile: SlippyTile) -> Result<Option<Photo>, TileSourceError> {
        (**self).read(tile)
    }

    fn name_of(&self, tile: SlippyTile) -> String {
        (**self).name_of(tile)
    }
}
