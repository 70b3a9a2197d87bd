//! The last tiles that were read, since neighbouring cells share them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::SlippyTile;
use crate::Photo;

/// Keeps up to `capacity` tiles; the one that was not asked for the longest goes first.
#[derive(Debug)]
pub(super) struct TileCache {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tiles: HashMap<SlippyTile, (Arc<Photo>, u64)>,
    clock: u64,
}

impl TileCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            state: Mutex::default(),
        }
    }

    pub(super) fn get(&self, tile: SlippyTile) -> Option<Arc<Photo>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let now = state.clock;
        let (photo, used) = state.tiles.get_mut(&tile)?;
        *used = now;
        Some(Arc::clone(photo))
    }

    pub(super) fn put(&self, tile: SlippyTile, photo: &Arc<Photo>) {
        if self.capacity == 0 {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let now = state.clock;
        if state.tiles.len() >= self.capacity && !state.tiles.contains_key(&tile) {
            let oldest = state.tiles.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(tile, _)| *tile) {
                state.tiles.remove(&oldest);
            }
        }
        state.tiles.insert(tile, (Arc::clone(photo), now));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail loudly")]

    use super::*;
    use crate::map_tiles::RowOrder;

    #[test]
    fn the_tile_unused_the_longest_makes_room() {
        let cache = TileCache::new(2);
        let tile = |x| SlippyTile::new(4, x, 0, RowOrder::Xyz).unwrap();
        let photo = Arc::new(Photo::from_rgb(16, 16, vec![0; 768]).unwrap());
        cache.put(tile(0), &photo);
        cache.put(tile(1), &photo);
        assert!(cache.get(tile(0)).is_some());
        cache.put(tile(2), &photo);
        assert!(cache.get(tile(1)).is_none());
        assert!(cache.get(tile(0)).is_some() && cache.get(tile(2)).is_some());
    }
}
