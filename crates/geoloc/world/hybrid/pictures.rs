//! Pictures for the report: who wins where, the prototypes as colours, easy and hard queries.

use super::run::methods;
use super::{HybridRun, Slice, WorldQueries};
use crate::core::Photo;
use crate::datasets::{View, world};
use crate::geo_cells::LatLng;
use crate::hybrid::CellPrototypes;
use crate::images::encode_png;
use crate::metrics::{Gallery, GalleryImage, GalleryItem, Report};
use crate::showcase::easy_and_hard;
use crate::world::WorldError;

/// Size of the maps in pixels: half a degree each.
const WIDTH: usize = 720;
const HEIGHT: usize = 360;
/// Queries shown in each gallery, and the side of their tiles.
const SHOWN: usize = 8;
const SHOWN_PIXELS: u32 = 128;

/// All pictures of a run.
pub(super) fn all(
    run: &HybridRun,
    prototypes: &CellPrototypes,
    queries: &WorldQueries,
    fused: &[Option<LatLng>],
    report: &Report,
) -> Result<Vec<Gallery>, WorldError> {
    let maps = Gallery {
        title: "Maps".into(),
        items: vec![
            item(
                "Which part finds the cell",
                "Queries within one cell width. Green: both parts; orange: prototypes only; blue: \
                 aerial only; white: neither, but the fused code; black: none.",
                &winners(run, queries, report)?,
            )?,
            item(
                "Prototypes",
                "The first three principal components of the prototypes as red, green and blue. \
                 Like colours are like prototypes; gray is land without ground photos.",
                &components(run, prototypes)?,
            )?,
        ],
    };
    let mut galleries = vec![maps];
    if let Some(method) = report.method(methods::FUSED) {
        let task = run.task().at_pixels(SHOWN_PIXELS);
        let places = queries.places();
        let mut large = task.photos(View::Query, &places, "query")?;
        for (photo, query) in large.iter_mut().zip(&queries.photos) {
            photo.id.clone_from(&query.id);
        }
        galleries.extend(easy_and_hard(method, &large, SHOWN, |i| {
            let places = [
                ("truth", places.get(i).copied()),
                ("found", fused.get(i).copied().flatten()),
            ];
            let mut pictures = Vec::new();
            for (label, place) in places {
                let Some(place) = place else { continue };
                for photo in task.photos(View::Aerial, &[place], label)? {
                    pictures.push((label.to_owned(), photo.photo));
                }
            }
            Ok::<_, WorldError>(pictures)
        })?);
    }
    Ok(galleries)
}

fn item(title: &str, caption: &str, photo: &Photo) -> Result<GalleryItem, WorldError> {
    Ok(GalleryItem {
        title: title.into(),
        caption: caption.into(),
        images: vec![GalleryImage {
            label: String::new(),
            bytes: encode_png(photo)?,
        }],
        ..GalleryItem::default()
    })
}

/// An equirectangular picture, north up.
struct Map(Vec<u8>);

impl Map {
    /// Land gray, water pale.
    fn of_land() -> Result<Self, WorldError> {
        let surface = world::surface()?;
        let mut rgb = Vec::with_capacity(3 * WIDTH * HEIGHT);
        for at in 0..WIDTH * HEIGHT {
            let land = place(at).map(|p| surface.at(p));
            let gray = match land {
                Some(crate::datasets::Surface::Water) | None => 238,
                Some(_) => 190,
            };
            rgb.extend([gray; 3]);
        }
        Ok(Self(rgb))
    }

    fn set(&mut self, at: usize, color: [u8; 3]) {
        if let Some(pixel) = self.0.get_mut(3 * at..3 * at + 3) {
            pixel.copy_from_slice(&color);
        }
    }

    fn dot(&mut self, place: LatLng, color: [u8; 3]) {
        let column = ((place.lng() + 180.0) * 2.0) as usize;
        let row = ((90.0 - place.lat()) * 2.0) as usize;
        for (dy, dx) in (0..3).flat_map(|dy| (0..3).map(move |dx| (dy, dx))) {
            let (x, y) = ((column + dx) % WIDTH, (row + dy).min(HEIGHT - 1));
            self.set(y * WIDTH + x, color);
        }
    }

    fn into_photo(self) -> Result<Photo, WorldError> {
        Ok(Photo::from_rgb(WIDTH as u32, HEIGHT as u32, self.0)?)
    }
}

/// The place in the middle of a pixel.
fn place(at: usize) -> Option<LatLng> {
    let lat = 89.75 - (at / WIDTH) as f64 * 0.5;
    let lng = (at % WIDTH) as f64 * 0.5 - 179.75;
    LatLng::new(lat, lng).ok()
}

fn winners(run: &HybridRun, queries: &WorldQueries, report: &Report) -> Result<Photo, WorldError> {
    let width = run.ground.cells().cell_width_km();
    let right = |name: &str, i: usize| {
        let prediction = report.method(name).and_then(|m| m.predictions.get(i));
        prediction
            .and_then(|p| p.distance_km)
            .is_some_and(|d| d <= width)
    };
    let mut map = Map::of_land()?;
    for (i, (photo, slice)) in queries.photos.iter().zip(&queries.slices).enumerate() {
        let color = match (
            right(methods::AERIAL, i),
            right(methods::PROTOTYPES, i),
            right(methods::FUSED, i),
        ) {
            (true, true, _) => [34, 139, 34],
            (false, true, _) => [230, 126, 34],
            (true, false, _) => [41, 98, 217],
            (false, false, true) => [255, 255, 255],
            (false, false, false) => [0, 0, 0],
        };
        debug_assert!(Slice::ALL.contains(slice));
        map.dot(photo.location, color);
    }
    map.into_photo()
}

fn components(run: &HybridRun, prototypes: &CellPrototypes) -> Result<Photo, WorldError> {
    let colors = colors(prototypes);
    let mut map = Map::of_land()?;
    for at in 0..WIDTH * HEIGHT {
        let color = place(at)
            .and_then(|p| run.ground.prototype_of(p))
            .and_then(|i| colors.get(i));
        if let Some(&color) = color {
            map.set(at, color);
        }
    }
    map.into_photo()
}

/// A colour per prototype: its three principal components, each stretched from its 2nd to its 98th
/// percentile.
fn colors(prototypes: &CellPrototypes) -> Vec<[u8; 3]> {
    let dim = prototypes.dim();
    let rows = || prototypes.vectors().chunks_exact(dim);
    let n = prototypes.cells().len().max(1) as f64;
    let mut mean = vec![0.0; dim];
    for row in rows() {
        mean.iter_mut()
            .zip(row)
            .for_each(|(m, &v)| *m += f64::from(v) / n);
    }
    let mut centered: Vec<Vec<f64>> = rows()
        .map(|row| {
            row.iter()
                .zip(&mean)
                .map(|(&v, m)| f64::from(v) - m)
                .collect()
        })
        .collect();
    let mut colors = vec![[0_u8; 3]; centered.len()];
    for channel in 0..3 {
        let axis = principal_axis(&centered, dim);
        let scores: Vec<f64> = centered.iter().map(|row| dot(row, &axis)).collect();
        for (row, score) in centered.iter_mut().zip(&scores) {
            row.iter_mut().zip(&axis).for_each(|(v, a)| *v -= score * a);
        }
        let mut sorted = scores.clone();
        sorted.sort_by(f64::total_cmp);
        // Without prototypes nothing is coloured.
        let at = |share: f64| {
            sorted
                .get((share * (n - 1.0)) as usize)
                .copied()
                .unwrap_or(0.0)
        };
        let (low, high) = (at(0.02), at(0.98));
        for (color, score) in colors.iter_mut().zip(scores) {
            let value = 255.0 * (score - low) / (high - low).max(1e-12);
            if let Some(slot) = color.get_mut(channel) {
                // The cast saturates.
                *slot = value as u8;
            }
        }
    }
    colors
}

/// The direction of largest variance, by power iteration.
fn principal_axis(rows: &[Vec<f64>], dim: usize) -> Vec<f64> {
    let mut axis: Vec<f64> = (0..dim).map(|i| 1.0 + (i % 7) as f64).collect();
    for _ in 0..60 {
        let mut next = vec![0.0; dim];
        for row in rows {
            let score = dot(row, &axis);
            next.iter_mut().zip(row).for_each(|(s, v)| *s += score * v);
        }
        let length = dot(&next, &next).sqrt();
        if length <= 0.0 {
            break;
        }
        for v in &mut next {
            *v /= length;
        }
        axis = next;
    }
    axis
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
