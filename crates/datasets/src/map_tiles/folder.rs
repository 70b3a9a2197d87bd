//! Tiles as files in folders.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{RowOrder, SlippyTile, TileSource, TileSourceError};
use crate::{Photo, decode_photo};

/// Extensions looked for, in this order.
const EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// Tiles at `ROOT/z/x/y.png`, `.jpg`, `.jpeg` or `.webp` (in this order, if there are several).
///
/// The format is told by the content, not by the name; transparent pixels are laid over white.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileFolder {
    root: PathBuf,
    order: RowOrder,
}

impl TileFolder {
    /// A folder whose rows are counted from the north.
    #[must_use]
    pub fn new(root: impl AsRef<Path>) -> Self {
        Self {
            root: root.as_ref().to_path_buf(),
            order: RowOrder::Xyz,
        }
    }

    /// The same folder with rows counted in another order.
    #[must_use]
    pub fn with_row_order(self, order: RowOrder) -> Self {
        Self { order, ..self }
    }

    /// Where a tile is kept, for an extension.
    #[must_use]
    pub fn path(&self, tile: SlippyTile, extension: &str) -> PathBuf {
        let file = format!("{}.{extension}", tile.row(self.order));
        let column = tile.x().to_string();
        self.root
            .join(tile.zoom().to_string())
            .join(column)
            .join(file)
    }

    /// The file of a tile, if there is one.
    fn find(&self, tile: SlippyTile) -> Result<Option<PathBuf>, TileSourceError> {
        for extension in EXTENSIONS {
            let path = self.path(tile, extension);
            match std::fs::symlink_metadata(&path) {
                Ok(_) => return Ok(Some(path)),
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(e) => return Err(TileSourceError::new(path.display().to_string(), e)),
            }
        }
        Ok(None)
    }
}

impl TileSource for TileFolder {
    fn contains(&self, tile: SlippyTile) -> Result<bool, TileSourceError> {
        Ok(self.find(tile)?.is_some())
    }

    fn read(&self, tile: SlippyTile) -> Result<Option<Photo>, TileSourceError> {
        let Some(path) = self.find(tile)? else {
            return Ok(None);
        };
        let photo = decode_photo(&path)
            .map_err(|e| TileSourceError::new(path.display().to_string(), e.source))?;
        Ok(Some(photo))
    }

    fn name_of(&self, tile: SlippyTile) -> String {
        let found = self.find(tile).ok().flatten();
        let path = found.unwrap_or_else(|| self.path(tile, "*"));
        path.display().to_string()
    }
}
