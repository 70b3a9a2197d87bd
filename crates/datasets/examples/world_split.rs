//! What the shipped benchmark split holds, and how far gray-level correlation gets on it.
//!
//! `cargo run --release -p geoloc-datasets --example world_split`
#![allow(clippy::print_stdout, reason = "an example prints for people")]

use geoloc_datasets::{TileSpec, View, WorldSplit, WorldSplitConfig, render_batch, world};
use geoloc_geo_cells::{LatLng, haversine_km};
use rayon::prelude::*;

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let split = WorldSplit::new(WorldSplitConfig::default(), world::surface()?)?;
    let side = split.config().side_km;
    let train: Vec<LatLng> = (0..20_000).map(|i| split.sample_train(1, i)).collect();
    let area = {
        // Even draws over the band of latitudes: the accepted share times the area.
        let draws = world::surface()?.land_lattice(50.0, side, split.config().min_land);
        let count = |keep: &dyn Fn(LatLng) -> bool| {
            draws.iter().filter(|&&p| keep(p)).count() as f64 * 2500.0 / 1e6
        };
        (
            draws.len() as f64 * 2500.0 / 1e6,
            count(&|p| split.is_train(p)),
            count(&|p| split.is_unseen(p)),
        )
    };
    println!(
        "centres of land tiles: {:.1} million km2, of them {:.1} train, {:.1} unseen; {} seen tiles",
        area.0,
        area.1,
        area.2,
        split.seen_len()
    );
    for (name, queries) in [
        ("unseen", split.unseen_queries(1000, 1)?),
        ("seen", split.seen_queries(split.seen_len(), 1)?),
    ] {
        let nearest = queries
            .par_iter()
            .map(|&q| {
                let far = f64::INFINITY;
                train
                    .iter()
                    .map(|&t| haversine_km(q, t))
                    .fold(far, f64::min)
            })
            .reduce(|| f64::INFINITY, f64::min);
        let [r1, r10] = gray_correlation(&queries, side, 48)?;
        println!(
            "{name}: {} queries, nearest training centre {nearest:.0} km, gray-level correlation \
             R@1 {:.1} %, R@10 {:.1} %",
            queries.len(),
            100.0 * r1,
            100.0 * r10
        );
    }
    Ok(())
}

/// R@1 and R@10 of finding each place's aerial tile among all by correlation of gray levels.
fn gray_correlation(places: &[LatLng], side_km: f64, pixels: usize) -> Result<[f64; 2], Error> {
    let specs = places
        .iter()
        .map(|&p| TileSpec::new(p, side_km, pixels))
        .collect::<Result<Vec<_>, _>>()?;
    let mut views = Vec::new();
    for view in [View::Query, View::Aerial] {
        let tiles = render_batch(&specs, &*view.raster()?);
        views.push(
            tiles
                .iter()
                .map(|t| standardised_gray(t.rgb()))
                .collect::<Vec<_>>(),
        );
    }
    let ranks: Vec<usize> = views[0]
        .par_iter()
        .enumerate()
        .map(|(i, q)| {
            let score = |g: &Vec<f32>| q.iter().zip(g).map(|(a, b)| a * b).sum::<f32>();
            let own = score(&views[1][i]);
            views[1].iter().filter(|g| score(g) > own).count()
        })
        .collect();
    let within = |k: usize| ranks.iter().filter(|&&r| r < k).count() as f64 / ranks.len() as f64;
    Ok([within(1), within(10)])
}

fn standardised_gray(rgb: &[u8]) -> Vec<f32> {
    let gray: Vec<f32> = rgb
        .chunks_exact(3)
        .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
        .collect();
    let mean = gray.iter().sum::<f32>() / gray.len() as f32;
    let norm = gray.iter().map(|g| (g - mean).powi(2)).sum::<f32>().sqrt();
    gray.iter().map(|g| (g - mean) / norm.max(1e-6)).collect()
}
