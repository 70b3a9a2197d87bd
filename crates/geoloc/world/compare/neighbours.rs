//! Places of training tiles that look alike, by the features of a classifier: the nearest ones
//! (Revisiting IM2GPS, Vo et al. 2017), and those in the most probable cells.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::arena::Arena;
use super::ground::Set;
use super::outcome::MethodOutcome;
use super::views::Views;
use crate::core::{Decoder, Embedding, Encoder, Features, GeoModel, Head};
use crate::geo_cells::{LatLng, Partition};
use crate::heads::cell::CellHead;
use crate::heads::density::NeighbourDensity;
use crate::heads::prototype::{PrototypeBuilder, PrototypeDecoder};
use crate::heads::within_cell::SearchWithinCell;
use crate::locate::{NeighbourDecoder, index_embeddings};
use crate::world::WorldError;

/// Neighbours of the density, as published for the largest gallery.
const NEIGHBOURS: usize = 100;
/// Training tiles within this distance of each other belong together, in km: about what they are
/// apart, as 1 km is for photos in towns.
const LINK_KM: f64 = 100.0;
/// Tiles that are encoded together.
const BATCH: usize = 64;

/// Judges the nearest neighbour, the density of the nearest ones, and two refinements of the most
/// probable cells, all among unchanged training tiles.
pub(super) fn neighbours<V: Views>(
    arena: &Arena<'_, V>,
    model: &GeoModel<V::Encoder, CellHead>,
    cells: &Arc<Partition>,
) -> Result<Vec<MethodOutcome>, WorldError> {
    let encoder = &model.encoder;
    let places: Arc<[LatLng]> = arena.ground.set(Set::Gallery).into();
    let mut rows = Vec::new();
    for first in (0..places.len()).step_by(BATCH) {
        let end = places.len().min(first + BATCH);
        let input = arena
            .views
            .inputs(Set::Gallery, first..end, &arena.device)?;
        let vectors = embed(&encoder.encode(input))
            .into_data()
            .try_into_vec_as::<f32>();
        rows.extend(vectors.map_err(|e| WorldError::Device {
            reason: e.to_string(),
        })?);
    }
    let index = Arc::new(index_embeddings(&rows, encoder.spec().width)?);
    let tiles = places.len();
    let photos: Vec<(Vec<f32>, LatLng)> = rows
        .chunks_exact(encoder.spec().width)
        .map(<[f32]>::to_vec)
        .zip(places.iter().copied())
        .collect();
    let judge = |variant: &str, about: &str, density, k| {
        let decoder = NeighbourDecoder::new(index.clone(), places.clone(), density, k);
        arena.judge(variant, about, &|input| {
            decoder.decode(Embedding(embed(&encoder.encode(input))))
        })
    };
    let density = NeighbourDensity::default();
    let both = |input| {
        let features = encoder.encode(input);
        let embedding = Embedding(embed(&features));
        (model.head.forward(features), embedding)
    };
    let mut search = SearchWithinCell::new(cells.clone(), &photos)?;
    search.link_km = LINK_KM;
    let prototypes = PrototypeBuilder::default().build(cells, &photos);
    let mut refine = PrototypeDecoder::new(cells.clone(), prototypes);
    let held_out = arena.ground.set(Set::Validation);
    let input = arena
        .views
        .inputs(Set::Validation, 0..held_out.len(), &arena.device)?;
    let (logits, embedding) = both(input);
    let fitted = refine.fit_temperature(logits, embedding, held_out)?;
    refine.temperature = fitted.unwrap_or(refine.temperature);
    Ok(vec![
        judge(
            "nearest neighbour",
            &format!("The most similar of {tiles} training tiles, by the classifier's features."),
            density,
            1,
        )?,
        judge(
            "neighbour density",
            &format!("Highest density of the {NEIGHBOURS} most similar of {tiles} training tiles."),
            density,
            NEIGHBOURS,
        )?,
        arena.judge(
            "search within cell",
            &format!(
                "In the most probable cell, the middle of the largest cluster of the {} most \
                 similar of {tiles} training tiles.",
                search.neighbours
            ),
            &|input| {
                let (logits, embedding) = both(input);
                search.locate(logits, embedding)
            },
        )?,
        arena.judge(
            "prototypes",
            &format!(
                "The five most probable cells, refined by clusters of {tiles} training tiles, at a \
                 temperature of {:.3} fitted on {} others.",
                refine.temperature,
                held_out.len()
            ),
            &|input| {
                let (logits, embedding) = both(input);
                refine.locate(logits, embedding)
            },
        )?,
    ])
}

/// Features of unit length, `[batch, width]`.
fn embed(features: &Features) -> Tensor<2> {
    let x = features.pooled.clone();
    let length = x.clone().square().sum_dim(1).add_scalar(1e-12).sqrt();
    x / length
}
