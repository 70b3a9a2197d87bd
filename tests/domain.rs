//! The shipped model refuses what is no view from above and answers unseen tiles.
//!
//! Parameters and threshold are from none of these pictures: the model file was calibrated on training tiles, on
//! held-out tiles of other places (`world::held_out_places`), and on pictures made from the training tiles.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail loudly and print what they skip"
)]

use std::path::{Path, PathBuf};

use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::core::{Domain, Locator, Photo, mix};
use geoloc::datasets::{decode_photo, render_batch, world};
use geoloc::geo_cells::LatLng;
use geoloc::locate::load_any;
use geoloc::world::{WorldTask, held_out_places};

fn shipped() -> Box<dyn Locator> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/models/world.bpk");
    load_any(&Artifact::open(path).unwrap(), None, &Device::flex()).unwrap()
}

/// Share of photos that the model refuses; all of them must be checked.
fn refused(model: &dyn Locator, name: &str, photos: &[Photo]) -> f64 {
    assert!(!photos.is_empty(), "{name}");
    let found: Vec<Domain> = model
        .locate_checked(photos)
        .into_iter()
        .map(|found| found.unwrap().domain)
        .collect();
    assert!(!found.contains(&Domain::Unknown), "{name}");
    let outside = found.iter().filter(|d| d.is_outside()).count();
    let share = outside as f64 / found.len() as f64;
    println!(
        "{name}: {outside} of {} refused ({:.1} %)",
        found.len(),
        100.0 * share
    );
    share
}

/// The tiles of places in one imagery, as photos of `pixels` a side.
fn tiles(task: &WorldTask, imagery: usize, places: &[LatLng], pixels: u32) -> Vec<Photo> {
    let raster = match imagery {
        0 => world::relief(),
        1 => world::summer(),
        2 => world::spring(),
        _ => world::natural_earth(),
    };
    let split = task.split();
    let specs: Vec<_> = places
        .iter()
        .map(|&place| split.tile(place, pixels as usize).unwrap())
        .collect();
    render_batch(&specs, &raster.unwrap())
        .into_iter()
        .map(|tile| Photo::from_rgb(pixels, pixels, tile.into_rgb()).unwrap())
        .collect()
}

fn picture(side: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Photo {
    let at = (0..side * side).map(|i| colour(i % side, i / side));
    Photo::from_rgb(side, side, at.flatten().collect()).unwrap()
}

#[test]
fn unseen_tiles_are_answered() {
    let model = shipped();
    let task = WorldTask::new(32).unwrap();
    // The second set: the threshold is from the first.
    let [_, judged] = held_out_places(&task).unwrap();
    let bands = &task.split().config().bands;
    let is_unseen = |place: &LatLng| bands.iter().any(|band| band.holds(*place, 0.0));
    let (unseen, between): (Vec<_>, Vec<_>) = judged.into_iter().partition(is_unseen);
    for (name, places) in [
        ("held-out longitudes", &unseen),
        ("between training tiles", &between),
    ] {
        for pixels in [32, 200] {
            let all: Vec<Photo> = (0..4)
                .flat_map(|imagery| tiles(&task, imagery, places, pixels))
                .collect();
            let share = refused(model.as_ref(), &format!("{name}, {pixels} pixels"), &all);
            assert!(share <= 0.03, "{name}: {share}");
        }
    }
}

#[test]
fn noise_plain_colours_and_pictures_that_are_no_tiles_are_refused() {
    let model = shipped();
    let byte = |k: u64, x: u32, y: u32, c: u64| mix(mix(k, u64::from(x << 12 | y)), c) as u8;
    let mut all = Vec::new();
    for side in [32, 100, 256] {
        let noise = (0..40).map(|k| picture(side, |x, y| [0, 1, 2].map(|c| byte(k, x, y, c))));
        all.push((format!("noise of {side} pixels"), noise.collect::<Vec<_>>()));
        let gray = (0..40).map(|k| picture(side, |x, y| [byte(k, x, y, 0); 3]));
        all.push((format!("gray noise of {side} pixels"), gray.collect()));
    }
    let plain = |k: u64| picture(64, |_, _| [0, 1, 2].map(|c| byte(k, 0, 0, c)));
    all.push(("one colour".into(), (0..200).map(plain).collect()));
    let grays = |k: u64| picture(64, |_, _| [(k * 5) as u8; 3]);
    all.push(("one gray".into(), (0..52).map(grays).collect()));
    // Chess boards, stripes, and sky above ground.
    let board = |k: u64| {
        picture(96, |x, y| {
            let dark = (x / (k as u32 + 4) + y / (k as u32 + 4)) % 2;
            [0, 1, 2].map(|c| byte(k, dark, 0, c))
        })
    };
    all.push(("chess boards".into(), (0..40).map(board).collect()));
    let stripes = |k: u64| {
        picture(96, |x, _| {
            [0, 1, 2].map(|c| byte(k, x / (k as u32 + 3), 0, c))
        })
    };
    all.push(("stripes".into(), (0..40).map(stripes).collect()));
    let scene = |k: u64| {
        picture(96, |x, y| {
            let horizon = 40 + u32::from(byte(k, 1, 0, 0) % 20);
            let house = x / 12 % 3 == 0 && y > 20 + u32::from(byte(k, x / 12, 0, 1) % 20);
            match (house, y < horizon) {
                (true, _) => [byte(k, x / 12, 0, 2) / 2 + 60; 3],
                (_, true) => [150, 180, 220 + (byte(k, 0, 0, 3) % 30)],
                _ => [90 + (y - horizon) as u8; 3],
            }
        })
    };
    all.push(("drawn streets".into(), (0..40).map(scene).collect()));
    for (name, photos) in all {
        let share = refused(model.as_ref(), &name, &photos);
        assert!(share >= 0.95, "{name}: {share}");
    }
}

#[test]
fn street_photos_are_refused() {
    let root = match std::env::var_os("GEOLOC_DATA") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    let root = root.join("photos");
    if !root.exists() {
        println!("skipped: there is no {}", root.display());
        return;
    }
    let model = shipped();
    for (name, step) in [
        ("osv5m_71/images", 1),
        ("london/database", 10),
        ("london/query", 4),
    ] {
        let mut files = Vec::new();
        let mut folders = vec![root.join(name)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "jpg" || e == "png") {
                    files.push(path);
                }
            }
        }
        files.sort();
        let photos: Vec<Photo> = files
            .iter()
            .step_by(step)
            .map(|file| decode_photo(file).unwrap())
            .collect();
        let share = refused(model.as_ref(), name, &photos);
        assert!(share >= 0.95, "{name}: {share}");
    }
}
