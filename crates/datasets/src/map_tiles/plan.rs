//! Which map tiles a set of cells needs.

use std::collections::BTreeMap;
use std::io::Write;

use geoloc_geo_cells::{CellId, LatLng};
use rayon::prelude::*;

use super::footprint::{Footprint, TileBlock};
use super::inventory::{Depth, InventoryRow, TileInventory, TileState};
use super::{SlippyGrid, SlippyTile, TileSource, TileStack};

/// The map tiles that some places need, each once, and how many places need it.
///
/// Cutting the planned tiles reads no map tile outside the plan; along bent or turned edges the plan
/// may hold a tile that no pixel shows.
#[derive(Debug, Clone, PartialEq)]
pub struct TilePlan {
    tiles: BTreeMap<SlippyTile, u32>,
    partly_off: usize,
    off: usize,
}

impl TilePlan {
    /// What the cells need, one stack of tiles about the centre of each.
    #[must_use]
    pub fn for_cells(cells: &[CellId], stack: &TileStack, grid: &SlippyGrid) -> Self {
        Self::for_places(cells.iter().map(|cell| cell.center()), stack, grid)
    }

    /// What some places need, one stack of tiles about each.
    pub fn for_places(
        places: impl IntoIterator<Item = LatLng>,
        stack: &TileStack,
        grid: &SlippyGrid,
    ) -> Self {
        let mut plan = Self {
            tiles: BTreeMap::new(),
            partly_off: 0,
            off: 0,
        };
        let mut needed = Vec::new();
        for place in places {
            needed.clear();
            let (mut leaves, mut on) = (false, false);
            for (spec, scale) in stack.specs(place).zip(stack.meters_per_pixel()) {
                let footprint = match stack.reach_km(&spec) {
                    Some(radius) => Footprint::of_circle(place, radius),
                    None => Footprint::of_tile(&spec),
                };
                let zoom = grid.zoom_for(place.lat(), *scale);
                let block = footprint.tiles(zoom, grid.tile_pixels());
                leaves |= footprint.leaves_the_map() || block.is_none();
                on |= block.is_some();
                needed.extend(block.into_iter().flat_map(TileBlock::iter));
            }
            plan.partly_off += usize::from(leaves && on);
            plan.off += usize::from(!on);
            // Two scales may share a zoom level: the place still counts once.
            needed.sort_unstable();
            needed.dedup();
            for tile in &needed {
                *plan.tiles.entry(*tile).or_default() += 1;
            }
        }
        plan
    }

    /// Number of map tiles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Whether no map tile is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// The tiles by zoom, column and row, each with the number of places that need it.
    pub fn tiles(&self) -> impl Iterator<Item = (SlippyTile, u32)> + '_ {
        self.tiles.iter().map(|(tile, places)| (*tile, *places))
    }

    /// Whether a tile is needed.
    #[must_use]
    pub fn contains(&self, tile: SlippyTile) -> bool {
        self.tiles.contains_key(&tile)
    }

    /// Places that the Mercator map shows in part, and places beyond it, where no map tile exists.
    #[must_use]
    pub fn off_the_map(&self) -> (usize, usize) {
        (self.partly_off, self.off)
    }

    /// Looks up every tile in a source, on all cores. What cannot be read becomes a row of its own, and
    /// the rest goes on.
    #[must_use]
    pub fn check(&self, source: &(impl TileSource + ?Sized), depth: Depth) -> TileInventory {
        let tiles: Vec<(SlippyTile, u32)> = self.tiles().collect();
        let state = |tile| {
            let found = match depth {
                Depth::Presence => source.contains(tile),
                Depth::Decode => source.read(tile).map(|photo| photo.is_some()),
            };
            match found {
                Ok(true) => TileState::Present,
                Ok(false) => TileState::Missing,
                Err(error) => TileState::Damaged(error),
            }
        };
        let rows = tiles.into_par_iter().map(|(tile, places)| InventoryRow {
            tile,
            places,
            state: state(tile),
        });
        TileInventory::new(rows.collect())
    }

    /// Writes the plan without looking anywhere: the columns of
    /// [`TileInventory::write_csv`] up to `places`.
    ///
    /// # Errors
    ///
    /// [`csv::Error`] if the table cannot be written.
    pub fn write_csv(&self, to: impl Write) -> Result<(), csv::Error> {
        let mut table = csv::Writer::from_writer(to);
        table.write_record(super::inventory::TILE_COLUMNS)?;
        for (tile, places) in self.tiles() {
            table.write_record(super::inventory::tile_fields(tile, places))?;
        }
        Ok(table.flush()?)
    }
}
