//! What of a plan is there.

use std::io::Write;

use super::{RowOrder, SlippyTile, TileSourceError};

/// How closely tiles are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Whether they are there.
    #[default]
    Presence,
    /// Whether they decode.
    Decode,
}

/// What was found of a tile.
#[derive(Debug)]
pub enum TileState {
    /// It is there (and decodes, if that was asked).
    Present,
    /// It is not there.
    Missing,
    /// It is there and cannot be read.
    Damaged(TileSourceError),
}

/// One tile of a plan.
#[derive(Debug)]
pub struct InventoryRow {
    /// The tile.
    pub tile: SlippyTile,
    /// Places that need it.
    pub places: u32,
    /// What was found.
    pub state: TileState,
}

/// The tiles of a plan and what was found of each, by zoom, column and row.
#[derive(Debug)]
pub struct TileInventory {
    rows: Vec<InventoryRow>,
}

/// Names of the columns that need no source.
pub(super) const TILE_COLUMNS: [&str; 10] = [
    "z", "x", "y", "tms_y", "quadkey", "west", "south", "east", "north", "places",
];

/// A row of those columns.
pub(super) fn tile_fields(tile: SlippyTile, places: u32) -> [String; 10] {
    let [west, south, east, north] = tile.bounds().map(|degrees| degrees.to_string());
    [
        tile.zoom().to_string(),
        tile.x().to_string(),
        tile.row(RowOrder::Xyz).to_string(),
        tile.row(RowOrder::Tms).to_string(),
        tile.quadkey(),
        west,
        south,
        east,
        north,
        places.to_string(),
    ]
}

impl TileInventory {
    pub(super) fn new(rows: Vec<InventoryRow>) -> Self {
        Self { rows }
    }

    /// All tiles.
    #[must_use]
    pub fn rows(&self) -> &[InventoryRow] {
        &self.rows
    }

    /// Number of tiles that are there.
    #[must_use]
    pub fn present(&self) -> usize {
        let is_present = |row: &&InventoryRow| matches!(row.state, TileState::Present);
        self.rows.iter().filter(is_present).count()
    }

    /// The tiles that are not there.
    pub fn missing(&self) -> impl Iterator<Item = SlippyTile> + '_ {
        let missing = |row: &&InventoryRow| matches!(row.state, TileState::Missing);
        self.rows.iter().filter(missing).map(|row| row.tile)
    }

    /// What is wrong with the tiles that cannot be read.
    pub fn damaged(&self) -> impl Iterator<Item = &TileSourceError> {
        self.rows.iter().filter_map(|row| match &row.state {
            TileState::Damaged(error) => Some(error),
            _ => None,
        })
    }

    /// Writes a table with a header, one line a tile: `z`, `x`, `y` (XYZ row), `tms_y` (TMS row),
    /// `quadkey`, the edges `west`, `south`, `east`, `north` in degrees, `places` (how many need
    /// it), `state` (`present`, `missing` or `damaged`) and `problem` (what is wrong with a damaged
    /// one). Read `quadkey` as text: its leading zeros count.
    ///
    /// # Errors
    ///
    /// [`csv::Error`] if the table cannot be written.
    pub fn write_csv(&self, to: impl Write) -> Result<(), csv::Error> {
        let mut table = csv::Writer::from_writer(to);
        let header = TILE_COLUMNS.into_iter().chain(["state", "problem"]);
        table.write_record(header)?;
        for row in &self.rows {
            let (state, problem) = match &row.state {
                TileState::Present => ("present", String::new()),
                TileState::Missing => ("missing", String::new()),
                TileState::Damaged(error) => ("damaged", error.to_string()),
            };
            let fields = tile_fields(row.tile, row.places).into_iter();
            table.write_record(fields.chain([state.to_owned(), problem]))?;
        }
        Ok(table.flush()?)
    }
}
