//! Ground photos, the cells that they cover, and queries between them.

use std::collections::{BTreeMap, HashMap};

use super::GroundConfig;
use crate::datasets::{SurfaceMap, WorldSplit, world};
use crate::geo_cells::{CellId, LatLng, haversine_km};
use crate::hybrid::{HybridCells, HybridLevels};
use crate::seed::mix;
use crate::world::{WorldError, WorldTask};

/// Which cells there are, which of them have ground photos, and where these were taken.
#[derive(Clone, Debug)]
pub struct Ground {
    task: WorldTask,
    config: GroundConfig,
    seed: u64,
    cells: HybridCells,
    photos: Vec<LatLng>,
    /// Parent cell of each photo as a position in `covered`.
    parents: Vec<usize>,
    /// Parent cells with photos, sorted, and how many each has.
    covered: Vec<(CellId, u32)>,
    /// Photos by leaf-level buckets of about the gap, for the distance check.
    near: HashMap<CellId, Vec<LatLng>>,
}

/// Draws for one accepted place before giving up.
const ATTEMPTS: u64 = 10_000;

impl Ground {
    /// The cells of all land, and ground photos as the configuration says.
    ///
    /// # Errors
    ///
    /// [`WorldError`] if the imagery cannot be read, the levels make no sense or no place qualifies.
    pub fn new(
        task: &WorldTask,
        levels: HybridLevels,
        config: GroundConfig,
        seed: u64,
    ) -> Result<Self, WorldError> {
        let surface = world::surface()?;
        let cells = HybridCells::new(levels, &land_cells(levels, task.split(), &surface))?;
        let mut ground = Self {
            task: task.clone(),
            config,
            seed,
            cells,
            photos: Vec::new(),
            parents: Vec::new(),
            covered: Vec::new(),
            near: HashMap::new(),
        };
        let mut counts: BTreeMap<CellId, u32> = BTreeMap::new();
        for i in 0..config.photos as u64 {
            let (place, parent) = ground.draw(mix(seed, 0xA), i, true)?;
            ground.photos.push(place);
            *counts.entry(parent).or_default() += 1;
        }
        ground.covered = counts.into_iter().collect();
        let parents = ground.photos.iter().map(|&p| ground.prototype_of(p));
        ground.parents = parents.collect::<Option<_>>().ok_or(WorldError::NoPlace)?;
        for &place in &ground.photos {
            ground.near.entry(bucket(place)).or_default().push(place);
        }
        Ok(ground)
    }

    /// The cells that are searched.
    #[must_use]
    pub fn cells(&self) -> &HybridCells {
        &self.cells
    }

    /// Places of the ground photos.
    #[must_use]
    pub fn photos(&self) -> &[LatLng] {
        &self.photos
    }

    /// Position in [`covered`](Self::covered) of the parent cell of each photo.
    #[must_use]
    pub fn photo_parents(&self) -> &[usize] {
        &self.parents
    }

    /// Parent cells with ground photos by id, and how many each has.
    #[must_use]
    pub fn covered(&self) -> &[(CellId, u32)] {
        &self.covered
    }

    /// Position in [`covered`](Self::covered) of the parent cell about a place, if it has photos.
    #[must_use]
    pub fn prototype_of(&self, place: LatLng) -> Option<usize> {
        let parent = self.cells.parent_about(place)?;
        self.covered.binary_search_by_key(&parent, |c| c.0).ok()
    }

    /// `n` places of the training area, in cells with ground photos or in cells without, that keep
    /// their distance from every ground photo. Another `stream` gives other places.
    ///
    /// # Errors
    ///
    /// [`WorldError::NoPlace`] if none is found.
    pub fn queries(&self, n: usize, covered: bool, stream: u64) -> Result<Vec<LatLng>, WorldError> {
        let seed = mix(mix(self.seed, 0xB), stream);
        let mut found = Vec::with_capacity(n);
        let mut index = 0;
        while found.len() < n {
            if index > ATTEMPTS * n as u64 {
                return Err(WorldError::NoPlace);
            }
            let (place, _) = self.draw(seed, index, covered)?;
            index += 1;
            let known = self.prototype_of(place).is_some();
            if known == covered
                && self.is_clear_of_photos(place)
                && self.cells.row_of(place).is_some()
            {
                found.push(place);
            }
        }
        Ok(found)
    }

    /// Place `index` of a stream in a cell that is to be covered or not.
    fn draw(&self, seed: u64, index: u64, covered: bool) -> Result<(LatLng, CellId), WorldError> {
        let split = self.task.split();
        let seed = mix(seed, index);
        (0..ATTEMPTS)
            .map(|attempt| split.sample_train(seed, attempt))
            .filter_map(|place| Some((place, self.cells.parent_about(place)?)))
            .find(|&(_, parent)| self.is_chosen(parent) == covered)
            .ok_or(WorldError::NoPlace)
    }

    /// Whether a parent cell is among those that get photos: by hash of its id.
    fn is_chosen(&self, parent: CellId) -> bool {
        let bits = mix(mix(self.seed, 0xC), parent.raw()) >> 11;
        (bits as f64 / (1u64 << 53) as f64) < self.config.covered
    }

    fn is_clear_of_photos(&self, place: LatLng) -> bool {
        let own = bucket(place);
        let mut around = vec![own];
        for neighbor in own.edge_neighbors() {
            around.push(neighbor);
            around.extend(neighbor.edge_neighbors());
        }
        around
            .iter()
            .filter_map(|cell| self.near.get(cell))
            .flatten()
            .all(|&photo| haversine_km(place, photo) >= self.config.gap_km)
    }
}

/// Cells of about 36 km, several times the gap: its neighbours hold all photos within the gap.
fn bucket(place: LatLng) -> CellId {
    let leaf = CellId::from_lat_lng(place);
    let level = crate::geo_cells::Level::closest_to_area_km2(36.0 * 36.0);
    // A leaf has a parent at every level.
    leaf.parent(level).unwrap_or(leaf)
}

/// All fine cells whose tile holds enough land, between the latitudes of the split.
fn land_cells(levels: HybridLevels, split: &WorldSplit, surface: &SurfaceMap) -> Vec<CellId> {
    let [south, north] = split.config().latitudes;
    let mut cells = CellId::faces().to_vec();
    for _ in 0..levels.fine.get() {
        cells = cells
            .into_iter()
            .filter_map(CellId::children)
            .flatten()
            .collect();
    }
    cells.retain(|cell| {
        let center = cell.center();
        (south..=north).contains(&center.lat())
            && split
                .tile(center, 1)
                .is_ok_and(|tile| surface.has_land(&tile, split.config().min_land))
    });
    cells
}
