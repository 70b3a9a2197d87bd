//! Map tiles: what is planned is what is read, and pixels lie where they belong.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use geoloc_datasets::map_tiles::{
    AerialSource, Depth, MAX_MERCATOR_LATITUDE, RowOrder, SlippyGrid, SlippyTile, TileFolder,
    TileMosaic, TilePlan, TileSource, TileSourceError, TileStack, TileState, cut_batch,
};
use geoloc_datasets::{EquirectangularRaster, Photo, TileSpec};
use geoloc_geo_cells::{CellId, LatLng, Level};
use proptest::prelude::*;

const SIDE: u32 = 32;

fn place(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

/// A colour that varies over the whole Earth, without a seam at the antimeridian.
fn color([x, y, z]: [f64; 3], scale: f64) -> [f64; 3] {
    [x, y, z].map(|c| 127.5 + 110.0 * (scale * c).sin())
}

/// Tiles computed from their position, for the tiles in a set (or all of them).
struct Painted {
    scale: f64,
    only: Option<BTreeSet<SlippyTile>>,
    read: Mutex<BTreeSet<SlippyTile>>,
}

impl Painted {
    fn new(scale: f64, only: Option<BTreeSet<SlippyTile>>) -> Self {
        Self {
            scale,
            only,
            read: Mutex::default(),
        }
    }
}

impl TileSource for Painted {
    fn contains(&self, tile: SlippyTile) -> Result<bool, TileSourceError> {
        Ok(self.only.as_ref().is_none_or(|only| only.contains(&tile)))
    }

    fn read(&self, tile: SlippyTile) -> Result<Option<Photo>, TileSourceError> {
        self.read.lock().unwrap().insert(tile);
        if !self.contains(tile)? {
            return Ok(None);
        }
        let [west, _, east, north] = tile.bounds();
        let top = north.to_radians().tan().asinh();
        let step = (east - west).to_radians() / f64::from(SIDE);
        let mut rgb = Vec::new();
        for row in 0..SIDE {
            let lat = (top - (f64::from(row) + 0.5) * step)
                .sinh()
                .atan()
                .to_degrees();
            for column in 0..SIDE {
                let lng = west + (f64::from(column) + 0.5) / f64::from(SIDE) * (east - west);
                let at = place(lat, lng).to_unit_vector();
                rgb.extend(color(at, self.scale).map(|c| c.round() as u8));
            }
        }
        Ok(Some(Photo::from_rgb(SIDE, SIDE, rgb).unwrap()))
    }

    fn name_of(&self, tile: SlippyTile) -> String {
        tile.to_string()
    }
}

fn grid() -> SlippyGrid {
    SlippyGrid::new(SIDE, 0, 20).unwrap()
}

/// Largest difference between a cut tile and the colour of the place that each pixel shows.
fn worst(spec: &TileSpec, rgb: &[u8], scale: f64) -> f64 {
    let n = spec.pixels();
    let mut worst = 0.0_f64;
    for (i, pixel) in rgb.chunks_exact(3).enumerate() {
        let at = spec.place_at((i % n) as f64 + 0.5, (i / n) as f64 + 0.5);
        for (seen, expected) in pixel.iter().zip(color(at.to_unit_vector(), scale)) {
            worst = worst.max((f64::from(*seen) - expected).abs());
        }
    }
    worst
}

#[test]
fn pixels_show_the_place_they_belong_to() {
    let cases = [
        (52.0, 5.0, 154.0, 0.0),
        (0.0, 180.0, 154.0, 30.0),
        (-16.5, -179.9999, 40_000.0, 200.0),
        (84.9, 12.0, 5_000.0, 77.0),
        (70.0, 179.0, 384_000.0, 45.0),
        (46.5, 8.0, 1_000_000.0, 10.0),
    ];
    for (lat, lng, side_m, turn) in cases {
        // About two radians of colour across the tile: steep enough to show a shift of a pixel.
        let scale = 2.0 * 6.371e6 / side_m;
        let spec = TileSpec::new(place(lat, lng), side_m / 1000.0, 48).unwrap();
        let spec = spec.with_rotation(turn).unwrap();
        let cut = TileMosaic::new(Painted::new(scale, None), grid())
            .cut(&spec)
            .unwrap();
        assert!((cut.covered - 1.0).abs() < 1e-12 && cut.missing.is_empty());
        let worst = worst(&spec, cut.tile.rgb(), scale);
        // A pixel to the side changes the colour by up to 110 · 2 / 48 = 4.6 levels.
        assert!(worst < 2.0, "{lat} {lng} {side_m}: {worst} levels off");
    }
}

#[test]
fn a_cut_across_the_antimeridian_reads_both_edges_of_the_map() {
    let stack = TileStack::of_side(20_000.0, 64).unwrap();
    let plan = TilePlan::for_places([place(-17.0, 180.0)], &stack, &grid());
    let columns: BTreeSet<u32> = plan.tiles().map(|(tile, _)| tile.x()).collect();
    let zoom = plan.tiles().next().unwrap().0.zoom();
    assert!(columns.contains(&0) && columns.contains(&((1 << zoom) - 1)));
    assert!(columns.len() < 10);
}

#[test]
fn ground_beyond_the_map_is_told_and_left_black() {
    let stack = TileStack::of_side(20_000.0, 32).unwrap();
    let places = [
        place(89.9, 0.0),
        place(MAX_MERCATOR_LATITUDE, 7.0),
        place(60.0, 7.0),
    ];
    let plan = TilePlan::for_places(places, &stack, &grid());
    assert_eq!(plan.off_the_map(), (1, 1));
    let mosaic = TileMosaic::new(Painted::new(1.0, None), grid());
    let pole = stack.cut(places[0], &mosaic).unwrap().remove(0);
    assert!(pole.covered < 1e-12 && pole.tile.rgb().iter().all(|&v| v == 0));
    let edge = stack.cut(places[1], &mosaic).unwrap().remove(0);
    assert!((edge.covered - 0.5).abs() < 0.05, "{}", edge.covered);
    assert!(edge.missing.is_empty());
}

#[test]
fn scales_share_a_centre_and_take_coarser_tiles_as_they_grow() {
    let stack = TileStack::new(64, &[0.5, 1.0, 2.0]).unwrap();
    let cell = CellId::from_lat_lng(place(48.1, 11.6))
        .parent(Level::try_from(16).unwrap())
        .unwrap();
    let sides: Vec<f64> = stack
        .specs(cell.center())
        .map(|spec| spec.side_km())
        .collect();
    assert!(
        sides
            .iter()
            .zip([0.032, 0.064, 0.128])
            .all(|(a, b)| (a - b).abs() < 1e-12)
    );
    let plan = TilePlan::for_cells(&[cell], &stack, &grid());
    let zooms: BTreeSet<u8> = plan.tiles().map(|(tile, _)| tile.zoom()).collect();
    let expected = [0.5, 1.0, 2.0].map(|m| grid().zoom_for(48.1, m));
    assert_eq!(zooms, BTreeSet::from(expected));
    let cuts = stack
        .cut(
            cell.center(),
            &TileMosaic::new(Painted::new(1e4, None), grid()),
        )
        .unwrap();
    assert_eq!(cuts.len(), 3);
    assert!(TileStack::new(64, &[]).is_err());
    assert!(TileStack::new(64, &[f64::NAN]).is_err());
    assert!(TileStack::of_side(154.0, 0).is_err());
    assert!(
        TileStack::of_side(154.0, 64)
            .unwrap()
            .with_shift(-1.0)
            .is_err()
    );
}

#[test]
fn the_stack_keeps_its_meaning_through_json() {
    let stack = TileStack::new(64, &[0.5, 1.0])
        .unwrap()
        .with_shift(20.0)
        .unwrap()
        .with_any_rotation();
    let text = serde_json::to_string(&stack).unwrap();
    assert_eq!(serde_json::from_str::<TileStack>(&text).unwrap(), stack);
    assert!(serde_json::from_str::<TileStack>(r#"{"pixels":0,"meters_per_pixel":[1]}"#).is_err());
    assert!(serde_json::from_str::<SlippyGrid>("[256,9,3]").is_err());
    assert!(serde_json::from_str::<SlippyTile>("[3,8,0]").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// With nothing but the planned tiles, everything is covered and nothing is missing, however the
    /// tile is turned and shifted within what was planned.
    #[test]
    fn the_plan_holds_all_that_a_cut_reads(
        lat in -84.0..84.0f64, lng in -180.0..180.0f64, log_side in 1.5..6.0f64,
        turn in 0.0..360.0f64, angle in 0.0..360.0f64, moved in 0.0..1.0f64, free in any::<bool>(),
    ) {
        let side_m = 10f64.powf(log_side);
        let shift_m = if free { 0.3 * side_m } else { 0.0 };
        let mut stack = TileStack::of_side(side_m, 24).unwrap().with_shift(shift_m).unwrap();
        let center = place(lat, lng);
        let mut spec = stack.specs(center).next().unwrap();
        if free {
            stack = stack.with_any_rotation();
            let (sin, cos) = angle.to_radians().sin_cos();
            let km = moved * shift_m / 1000.0;
            spec = spec.with_rotation(turn).unwrap().with_shift(km * cos, km * sin);
        }
        // The zoom of a shifted tile must be that of the cell.
        let zoom = grid().zoom_for(lat, side_m / 24.0);
        let grid = SlippyGrid::new(SIDE, zoom, zoom).unwrap();
        let plan = TilePlan::for_places([center], &stack, &grid);
        let planned: BTreeSet<SlippyTile> = plan.tiles().map(|(tile, _)| tile).collect();
        let source = Painted::new(1.0, Some(planned.clone()));
        let mosaic = TileMosaic::new(&source, grid);
        let cut = mosaic.cut(&spec).unwrap();
        let on_map = plan.off_the_map() == (0, 0);
        prop_assert!(!on_map || (cut.covered - 1.0).abs() < 1e-12, "covered {}", cut.covered);
        prop_assert!(free || cut.missing.is_empty());
        prop_assert!(free || source.read.lock().unwrap().is_subset(&planned));
    }
}

/// A folder with the tiles of a plan, painted, in three formats.
fn fill(folder: &Path, tiles: &[SlippyTile], order: RowOrder) {
    let painted = Painted::new(3e4, None);
    for (k, &tile) in tiles.iter().enumerate() {
        let extension = ["png", "jpg", "webp"][k % 3];
        let path = TileFolder::new(folder)
            .with_row_order(order)
            .path(tile, extension);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let rgb = painted.read(tile).unwrap().unwrap().into_rgb();
        let image = image::RgbImage::from_raw(SIDE, SIDE, rgb).unwrap();
        image.save(path).unwrap();
    }
}

#[test]
fn a_folder_is_read_checked_and_its_damage_named() {
    let folder = tempfile::tempdir().unwrap();
    let stack = TileStack::of_side(154.0, 64).unwrap();
    let cells: Vec<CellId> = [(52.37, 4.9), (52.40, 4.9)]
        .map(|(lat, lng)| {
            CellId::from_lat_lng(place(lat, lng))
                .parent(Level::try_from(16).unwrap())
                .unwrap()
        })
        .to_vec();
    let plan = TilePlan::for_cells(&cells, &stack, &grid());
    let tiles: Vec<SlippyTile> = plan.tiles().map(|(tile, _)| tile).collect();
    for order in [RowOrder::Xyz, RowOrder::Tms] {
        let folder = folder.path().join(format!("{order:?}"));
        fill(&folder, &tiles, order);
        let source = TileFolder::new(&folder).with_row_order(order);
        let inventory = plan.check(&source, Depth::Decode);
        assert_eq!(inventory.present(), tiles.len());
        let cut = TileMosaic::new(&source, grid());
        for cell in &cells {
            let spec = stack.specs(cell.center()).next().unwrap();
            let cut = cut.cut(&spec).unwrap();
            let worst = worst(&spec, cut.tile.rgb(), 3e4);
            assert!(worst < 12.0, "JPEG or a wrong row: {worst}");
        }

        // One tile goes, one is damaged, one has another size.
        let middle = SlippyTile::at(cells[0].center(), tiles[0].zoom()).unwrap();
        let of_second = SlippyTile::at(cells[1].center(), tiles[0].zoom()).unwrap();
        let path = |tile| {
            let found = ["png", "jpg", "webp"].map(|e| source.path(tile, e));
            found.into_iter().find(|p| p.exists()).unwrap()
        };
        let damaged = path(middle);
        std::fs::write(&damaged, b"not an image").unwrap();
        std::fs::remove_file(path(of_second)).unwrap();
        let inventory = plan.check(&source, Depth::Decode);
        assert_eq!(inventory.missing().collect::<Vec<_>>(), [of_second]);
        let problems: Vec<String> = inventory.damaged().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with(&damaged.display().to_string()),
            "{}",
            problems[0]
        );
        assert_eq!(
            plan.check(&source, Depth::Presence).present(),
            tiles.len() - 1
        );

        let specs: Vec<TileSpec> = cells.iter().flat_map(|c| stack.specs(c.center())).collect();
        let cuts = cut_batch(&specs, &TileMosaic::new(&source, grid()));
        let error = cuts[0].as_ref().unwrap_err().to_string();
        assert!(error.contains(&damaged.display().to_string()), "{error}");
        let second = cuts[1].as_ref().unwrap();
        assert_eq!(second.missing, [of_second]);
        assert!(second.covered > 0.0 && second.covered < 1.0);
        let black = second
            .tile
            .rgb()
            .chunks_exact(3)
            .filter(|p| p == &[0; 3])
            .count();
        let share = black as f64 / (64.0 * 64.0);
        assert!((share + second.covered - 1.0).abs() < 0.02);

        let wrong = image::RgbImage::new(SIDE / 2, SIDE / 2);
        wrong.save(source.path(of_second, "png")).unwrap();
        let error = TileMosaic::new(&source, grid())
            .cut(&specs[1])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("16 x 16 pixels where tiles of 32 x 32"),
            "{error}"
        );
    }
}

#[test]
fn the_table_of_a_plan_is_as_documented() {
    let cell = CellId::from_lat_lng(place(0.001, 0.001))
        .parent(Level::try_from(16).unwrap())
        .unwrap();
    let stack = TileStack::of_side(20.0, 16).unwrap();
    let grid = SlippyGrid::new(256, 2, 2).unwrap();
    let plan = TilePlan::for_cells(&[cell, cell], &stack, &grid);
    let folder = tempfile::tempdir().unwrap();
    let broken = TileFolder::new(folder.path()).path(plan.tiles().next().unwrap().0, "png");
    std::fs::create_dir_all(broken.parent().unwrap()).unwrap();
    std::fs::write(&broken, b"").unwrap();
    let mut table = Vec::new();
    let inventory = plan.check(&TileFolder::new(folder.path()), Depth::Decode);
    assert!(matches!(inventory.rows()[0].state, TileState::Damaged(_)));
    inventory.write_csv(&mut table).unwrap();
    let text = String::from_utf8(table).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap(),
        "z,x,y,tms_y,quadkey,west,south,east,north,places,state,problem"
    );
    // The cell lies less than a pixel of zoom 2 from the corner of four tiles.
    let found: Vec<&str> = lines.collect();
    assert_eq!(found.len(), 4);
    let start = "2,1,1,2,03,-90,0,0,66.51326044311186,2,damaged,";
    assert!(found[0].starts_with(start), "{}", found[0]);
    assert!(found[0].contains("is empty (0 bytes)"));
    assert_eq!(found[3], "2,2,2,1,30,0,-66.51326044311186,90,0,2,missing,");
    let mut table = Vec::new();
    plan.write_csv(&mut table).unwrap();
    assert!(
        String::from_utf8(table)
            .unwrap()
            .starts_with("z,x,y,tms_y,quadkey,west,south,east,north,places\n2,1,1")
    );
}

#[test]
fn too_fine_a_zoom_is_refused_before_tiles_are_read() {
    let spec = TileSpec::new(place(10.0, 10.0), 3000.0, 64).unwrap();
    let source = Painted::new(1.0, None);
    let mosaic = TileMosaic::new(&source, SlippyGrid::new(SIDE, 15, 15).unwrap());
    let error = mosaic.cut(&spec).unwrap_err().to_string();
    assert!(error.contains("use a coarser zoom"), "{error}");
    assert!(source.read.lock().unwrap().is_empty());
}

#[test]
fn a_raster_of_the_whole_earth_is_a_source_as_well() {
    let raster = EquirectangularRaster::new(8, 4, vec![90; 96]).unwrap();
    let sources: [&dyn AerialSource; 2] =
        [&raster, &TileMosaic::new(Painted::new(0.0, None), grid())];
    for source in sources {
        let cut = TileStack::of_side(500.0, 8)
            .unwrap()
            .cut(place(20.0, 20.0), source)
            .unwrap();
        assert!((cut[0].covered - 1.0).abs() < 1e-12);
        assert_eq!(cut[0].tile.pixels(), 8);
    }
}
