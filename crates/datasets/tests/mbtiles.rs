//! Tiles out of a database.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::io::Cursor;
use std::path::Path;

use geoloc_datasets::map_tiles::{
    Depth, MbTiles, RowOrder, SlippyGrid, SlippyTile, TileMosaic, TilePlan, TileSource, TileStack,
};
use geoloc_geo_cells::LatLng;
use rusqlite::{Connection, params};

fn write(path: &Path, format: &str, tiles: &[(SlippyTile, Vec<u8>)]) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "CREATE TABLE metadata (name TEXT, value TEXT);
         CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB);
         CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row);",
    )
    .unwrap();
    db.execute("INSERT INTO metadata VALUES ('format', ?1)", [format])
        .unwrap();
    for (tile, data) in tiles {
        let key = params![tile.zoom(), tile.x(), tile.row(RowOrder::Tms), data];
        db.execute("INSERT INTO tiles VALUES (?1, ?2, ?3, ?4)", key)
            .unwrap();
    }
}

fn png(gray: u8) -> Vec<u8> {
    let image = image::RgbImage::from_pixel(256, 256, image::Rgb([gray; 3]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn tiles_come_out_as_they_went_in_and_damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("area.mbtiles");
    let center = LatLng::new(52.37, 4.9).unwrap();
    let stack = TileStack::of_side(154.0, 64).unwrap();
    let grid = SlippyGrid::new(256, 0, 17).unwrap();
    let plan = TilePlan::for_places([center], &stack, &grid);
    let needed: Vec<SlippyTile> = plan.tiles().map(|(tile, _)| tile).collect();
    let shown = SlippyTile::at(center, needed[0].zoom()).unwrap();
    let data = |tile: &SlippyTile| (*tile, png(if *tile == shown { 200 } else { 10 }));
    write(&path, "png", &needed.iter().map(data).collect::<Vec<_>>());
    let source = MbTiles::open(&path).unwrap();
    let zoom = needed[0].zoom();
    assert_eq!(source.zooms().unwrap(), Some((zoom, zoom)));
    assert_eq!(source.read(shown).unwrap().unwrap().rgb()[0], 200);
    assert_eq!(plan.check(&source, Depth::Decode).present(), needed.len());
    let cut = stack
        .cut(center, &TileMosaic::new(source, grid))
        .unwrap()
        .remove(0);
    assert!((cut.covered - 1.0).abs() < 1e-12);
    let middle = 3 * (32 * 64 + 32);
    assert_eq!(cut.tile.rgb()[middle], 200);

    let damaged = folder.path().join("damaged.mbtiles");
    write(&damaged, "png", &[(shown, b"nothing".to_vec())]);
    let source = MbTiles::open(&damaged).unwrap();
    let error = source.read(shown).unwrap_err().to_string();
    assert!(
        error.contains("damaged.mbtiles") && error.contains(&shown.to_string()),
        "{error}"
    );
    let inventory = plan.check(&source, Depth::Decode);
    assert_eq!(
        (inventory.damaged().count(), inventory.missing().count()),
        (1, needed.len() - 1)
    );
}

#[test]
fn files_that_hold_no_image_tiles_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.mbtiles");
    assert!(
        MbTiles::open(&missing)
            .unwrap_err()
            .to_string()
            .contains("missing.mbtiles")
    );
    let text = folder.path().join("text.mbtiles");
    std::fs::write(
        &text,
        "a text that is no database, long enough to have a header".repeat(9),
    )
    .unwrap();
    assert!(
        MbTiles::open(&text)
            .unwrap_err()
            .to_string()
            .contains("not a readable tile database")
    );
    let other = folder.path().join("other.mbtiles");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE a (b)")
        .unwrap();
    assert!(
        MbTiles::open(&other)
            .unwrap_err()
            .to_string()
            .contains("tiles")
    );
    let vector = folder.path().join("vector.mbtiles");
    write(&vector, "pbf", &[]);
    assert!(
        MbTiles::open(&vector)
            .unwrap_err()
            .to_string()
            .contains("\"pbf\"")
    );
    let empty = folder.path().join("empty.mbtiles");
    write(&empty, "png", &[]);
    assert_eq!(MbTiles::open(&empty).unwrap().zooms().unwrap(), None);
}
