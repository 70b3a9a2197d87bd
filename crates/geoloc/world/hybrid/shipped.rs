//! The gallery of the model file: one code for each parent cell of all land.

use std::sync::Arc;

use super::{FusionTrial, HybridRun};
use crate::datasets::View;
use crate::geo_cells::LatLng;
use crate::hybrid::CellPrototypes;
use crate::locate::index_with_biases;
use crate::retrieval::{FlatIndex, Prior};
use crate::world::WorldError;

/// Codes small enough for a file of 2 MB: aerial codes of the parents, plus κ times the prototype where
/// there is one, and the bias of the chosen fusion where there is none. Prototypes are those of the
/// parent itself, whether or not the chosen fusion interpolates them for the fine cells.
pub(super) struct ShippedGallery {
    /// `[cells, dim]`.
    pub codes: Vec<f32>,
    pub places: Vec<LatLng>,
    /// Added to the score of each cell.
    pub biases: Vec<f32>,
    dim: usize,
}

impl ShippedGallery {
    pub(super) fn new(
        run: &HybridRun,
        prototypes: &CellPrototypes,
        fusion: &FusionTrial,
    ) -> Result<Self, WorldError> {
        let (dim, cells) = (run.dim(), run.ground.cells());
        let places: Vec<_> = cells.parents().iter().map(|c| c.center()).collect();
        let mut codes = run.embed(View::Aerial, &places)?;
        let prototypes = prototypes.weighted_by_photos(fusion.n0);
        let kappa = fusion.best.kappa as f32;
        let rows = codes.chunks_exact_mut(dim).zip(cells.parents());
        let biases = rows
            .map(|(code, cell)| {
                let Ok(at) = prototypes.cells().binary_search(cell) else {
                    return fusion.bias;
                };
                // `CellPrototypes` holds `dim` values a cell.
                let prototype = &prototypes.vectors()[at * dim..(at + 1) * dim];
                for (c, p) in code.iter_mut().zip(prototype) {
                    *c += kappa * p;
                }
                0.0
            })
            .collect();
        Ok(Self {
            codes,
            places,
            biases,
            dim,
        })
    }

    /// As a program that loads the file searches it, but for the int8 of the file.
    pub(super) fn index(&self) -> Result<(FlatIndex, Arc<Prior>), WorldError> {
        Ok(index_with_biases(
            &self.codes,
            self.dim,
            &self.places,
            &self.biases,
        )?)
    }
}
