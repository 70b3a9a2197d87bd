//! Held-out tiles with what is known about each.

use serde::{Deserialize, Serialize};

use super::{Ground, HybridRun};
use crate::core::Photo;
use crate::datasets::View;
use crate::evaluate::LocatedPhoto;
use crate::geo_cells::LatLng;
use crate::metrics::{Conventions, MethodReport, Prediction, Role};
use crate::seed::mix;
use crate::world::{WorldError, WorldTask};

/// Where a query lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slice {
    /// In a parent cell with ground photos.
    Covered,
    /// In a parent cell of the training area without ground photos.
    Uncovered,
    /// In a held-out band of longitudes: neither photos nor aerial tiles were trained on.
    Unseen,
}

impl Slice {
    /// All, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Covered, Self::Uncovered, Self::Unseen];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Uncovered => "uncovered",
            Self::Unseen => "unseen",
        }
    }
}

/// Seed of the conditions of queries.
const QUERY_SEED: u64 = 0x0071_7565_7279;

/// Queries of all slices, embedded.
#[derive(Clone, Debug)]
pub struct WorldQueries {
    /// The tiles with their places.
    pub photos: Vec<LocatedPhoto>,
    /// The slice of each.
    pub slices: Vec<Slice>,
    /// Whether the tile belongs to the quarter with the least contrast: rainforest, desert, steppe.
    pub flat: Vec<bool>,
    /// Embeddings of the query branch, row-major `[queries, dim]`.
    pub vectors: Vec<f32>,
    /// Length of an embedding.
    pub dim: usize,
}

impl WorldQueries {
    /// `n` queries of every slice; `stream` tells test from validation.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn new(run: &HybridRun, n: [usize; 3], stream: u64) -> Result<Self, WorldError> {
        let (task, ground): (&WorldTask, &Ground) = (run.task(), &run.ground);
        let [covered, uncovered, unseen] = n;
        let mut places = ground.queries(covered, true, stream)?;
        places.extend(ground.queries(uncovered, false, stream)?);
        if unseen > 0 {
            places.extend(task.split().unseen_queries(unseen, stream)?);
        }
        let mut slices = vec![Slice::Covered; covered];
        slices.extend(vec![Slice::Uncovered; uncovered]);
        slices.extend(vec![Slice::Unseen; unseen]);
        // Queries in the training area were taken under conditions of their own; the unseen ones are
        // those of the default gallery, plain.
        let taken = covered + uncovered;
        let seed = mix(QUERY_SEED, stream);
        let (known, unknown) = places.split_at(taken);
        let mut tiles = run.photos(known, seed, 0)?;
        tiles.extend(task.tiles(View::Query, unknown)?);
        let mut vectors = run.embed_photos(known, seed)?;
        vectors.extend(run.embed(View::Query, unknown)?);
        let side = task.pixels();
        let mut photos = Vec::with_capacity(places.len());
        for (i, ((rgb, &location), slice)) in
            tiles.into_iter().zip(&places).zip(&slices).enumerate()
        {
            photos.push(LocatedPhoto {
                id: format!("{}-{i:04}", slice.name()),
                photo: Photo::from_rgb(side, side, rgb)?,
                location,
            });
        }
        // By the tiles as they lie there, not as they were taken.
        let plain = task.photos(View::Query, &places, "plain")?;
        let contrast: Vec<f64> = plain.iter().map(|p| contrast(&p.photo)).collect();
        let mut sorted = contrast.clone();
        sorted.sort_by(f64::total_cmp);
        // Without queries nothing is compared with it.
        let quarter = sorted.get(sorted.len() / 4).copied().unwrap_or(0.0);
        Ok(Self {
            vectors,
            flat: contrast.into_iter().map(|c| c < quarter).collect(),
            photos,
            slices,
            dim: run.dim(),
        })
    }

    /// The embeddings, one a query.
    #[must_use]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.vectors.chunks_exact(self.dim.max(1))
    }

    /// Places, in order.
    #[must_use]
    pub fn places(&self) -> Vec<LatLng> {
        self.photos.iter().map(|p| p.location).collect()
    }

    /// A method that answered query `i` with `answers[i]`, sliced by kind of place and of terrain.
    pub(super) fn method(
        &self,
        name: &str,
        role: Role,
        answers: &[Option<LatLng>],
        radii_km: &[f64],
        conventions: &Conventions,
    ) -> Result<MethodReport, WorldError> {
        let predictions = self
            .photos
            .iter()
            .zip(answers)
            .zip(self.slices.iter().zip(&self.flat))
            .map(|((photo, &place), (slice, &flat))| {
                Prediction::new(&photo.id, photo.location, place)
                    .with_tag("cells", slice.name())
                    .with_tag("terrain", if flat { "flat" } else { "structured" })
            })
            .collect();
        let method = MethodReport::evaluate(name, role, predictions, radii_km, conventions)?;
        Ok(method
            .with_slices("cells", conventions)?
            .with_slices("terrain", conventions)?)
    }
}

/// Standard deviation of the luma of a picture, in units of 0 to 255.
fn contrast(photo: &Photo) -> f64 {
    let luma: Vec<f64> = photo
        .rgb()
        .as_chunks::<3>()
        .0
        .iter()
        .map(|&[r, g, b]| 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b))
        .collect();
    let n = luma.len().max(1) as f64;
    let mean = luma.iter().sum::<f64>() / n;
    (luma.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
}
