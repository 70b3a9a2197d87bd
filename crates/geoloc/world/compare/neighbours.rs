//! Neighbours in the features of a classifier (Revisiting IM2GPS, Vo et al. 2017).

use std::sync::Arc;

use burn::tensor::Tensor;

use super::arena::Arena;
use super::ground::Set;
use super::outcome::MethodOutcome;
use super::views::Views;
use crate::core::{Decoder, Embedding, Encoder};
use crate::geo_cells::LatLng;
use crate::heads::density::NeighbourDensity;
use crate::locate::{NeighbourDecoder, index_embeddings};
use crate::world::WorldError;

/// Neighbours of the density, as published for the largest gallery.
const NEIGHBOURS: usize = 100;
/// Tiles that are encoded together.
const BATCH: usize = 64;

/// Judges the nearest neighbour and the density of the nearest ones, among unchanged training tiles.
pub(super) fn neighbours<V: Views>(
    arena: &Arena<'_, V>,
    encoder: &V::Encoder,
) -> Result<Vec<MethodOutcome>, WorldError> {
    let places: Arc<[LatLng]> = arena.ground.set(Set::Gallery).into();
    let mut rows = Vec::new();
    for first in (0..places.len()).step_by(BATCH) {
        let end = places.len().min(first + BATCH);
        let input = arena
            .views
            .inputs(Set::Gallery, first..end, &arena.device)?;
        let vectors = embed(encoder, input).into_data().try_into_vec_as::<f32>();
        rows.extend(vectors.map_err(|e| WorldError::Device {
            reason: e.to_string(),
        })?);
    }
    let index = Arc::new(index_embeddings(&rows, encoder.spec().width)?);
    let tiles = places.len();
    let judge = |variant: &str, about: &str, density, k| {
        let decoder = NeighbourDecoder::new(index.clone(), places.clone(), density, k);
        arena.judge(variant, about, &|input| {
            decoder.decode(Embedding(embed(encoder, input)))
        })
    };
    let density = NeighbourDensity::default();
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
    ])
}

/// Features of unit length, `[batch, width]`.
fn embed<E: Encoder>(encoder: &E, input: E::Input) -> Tensor<2> {
    let x = encoder.encode(input).pooled;
    let length = x.clone().square().sum_dim(1).add_scalar(1e-12).sqrt();
    x / length
}
