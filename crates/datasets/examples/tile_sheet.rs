//! Draws contact sheets of query / aerial tile pairs, and times rendering.
//!
//! `cargo run --release -p geoloc-datasets --example tile_sheet -- FOLDER`
#![allow(clippy::print_stdout, reason = "an example prints for people")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use geoloc_datasets::{
    EquirectangularRaster, TileJitter, TileSpec, View, WorldSplit, WorldSplitConfig, render_batch,
    world,
};
use geoloc_geo_cells::LatLng;
use image::RgbImage;

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/tile_sheet".into());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let clock = Instant::now();
    let views = [View::Query.raster()?, View::Aerial.raster()?];
    println!(
        "two views decoded in {:.2} s",
        clock.elapsed().as_secs_f64()
    );
    let clock = Instant::now();
    let split = WorldSplit::new(WorldSplitConfig::default(), world::surface()?)?;
    println!(
        "split made in {:.2} s, {} seen tiles",
        clock.elapsed().as_secs_f64(),
        split.seen_len()
    );

    let clock = Instant::now();
    let train: Vec<LatLng> = (0..1000).map(|i| split.sample_train(1, i)).collect();
    println!(
        "{:.1} us a training place",
        clock.elapsed().as_secs_f64() * 1e3
    );
    let side = split.config().side_km;
    for pixels in [32, 48, 64] {
        let specs = specs(&train, side, pixels)?;
        let mut micros: Vec<f64> = specs
            .iter()
            .map(|spec| {
                let clock = Instant::now();
                std::hint::black_box(spec.render(&views[1]));
                clock.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        micros.sort_by(f64::total_cmp);
        let median = micros[micros.len() / 2];
        println!("{pixels} x {pixels}: {median:.1} us a tile on one core (median)");
    }
    let poles_and_antimeridian: Vec<LatLng> = [
        (90.0, 0.0),
        (-90.0, 0.0),
        (89.0, 45.0),
        (66.0, 180.0),
        (68.9, 179.5),
        (-16.8, 179.9),
        (80.0, -40.0),
        (71.0, -70.0),
        (51.9, -176.0),
        (46.5, 8.0),
        (-45.0, 168.5),
        (27.9, 86.9),
    ]
    .iter()
    .map(|&(lat, lng)| LatLng::new(lat, lng))
    .collect::<Result<_, _>>()?;
    let north: Vec<LatLng> = (0..200_u64)
        .map(|i| split.sample_train(2, i))
        .filter(|p| p.lat() > 68.0)
        .take(36)
        .collect();
    for (name, places) in [
        ("train", &train[..36]),
        ("north", &north),
        ("unseen", &split.unseen_queries(36, 1)?),
        ("seen", &split.seen_queries(36, 1)?),
        ("poles", &poles_and_antimeridian),
    ] {
        sheet(&specs(places, side, 96)?, &views)?.save(folder.join(format!("{name}.png")))?;
    }
    let turned: Vec<TileSpec> = (0..18)
        .map(|i| {
            TileJitter {
                rotation_deg: 180.0,
                ..TileJitter::default()
            }
            .apply(TileSpec::new(train[i as usize % 3], side, 96)?, 5, i)
        })
        .collect::<Result<_, _>>()?;
    sheet(&turned, &views)?.save(folder.join("jitter.png"))?;
    println!("contact sheets in {}", folder.display());
    Ok(())
}

fn specs(places: &[LatLng], side_km: f64, pixels: usize) -> Result<Vec<TileSpec>, Error> {
    Ok(places
        .iter()
        .map(|&p| TileSpec::new(p, side_km, pixels))
        .collect::<Result<_, _>>()?)
}

/// Pairs side by side, six a row: query left, aerial right.
fn sheet(specs: &[TileSpec], views: &[Arc<EquirectangularRaster>; 2]) -> Result<RgbImage, Error> {
    const PAIRS: usize = 6;
    let n = specs.first().ok_or("no tile")?.pixels() + 2;
    let mut sheet = RgbImage::new(
        (2 * PAIRS * n) as u32,
        (specs.len().div_ceil(PAIRS) * n) as u32,
    );
    for (side, view) in views.iter().enumerate() {
        for (k, tile) in render_batch(specs, view).iter().enumerate() {
            let (x, y) = ((k % PAIRS * 2 + side) * n, k / PAIRS * n);
            image::imageops::replace(&mut sheet, &tile.to_image(), x as i64, y as i64);
        }
    }
    Ok(sheet)
}
