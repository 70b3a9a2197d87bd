//! The default gallery: unseen queries among their own aerial tiles.

use super::Slice;
use super::evaluation::Evaluation;
use super::run::methods;
use crate::datasets::View;
use crate::evaluate::diagonal_ranks;
use crate::geo_cells::LatLng;
use crate::metrics::{MethodReport, Prediction, Report, Role};
use crate::retrieval::{FusedIndex, FusedTable, Place};
use crate::world::WorldError;

impl Evaluation<'_> {
    /// The unseen queries against their own aerial tiles. No prototype lies in the unseen area, so that
    /// aerial codes alone and both parts together must agree.
    pub(super) fn default_gallery(&self, report: &mut Report) -> Result<(), WorldError> {
        let unseen: Vec<usize> = (0..self.queries.slices.len())
            .filter(|&i| self.queries.slices.get(i) == Some(&Slice::Unseen))
            .collect();
        let located: Vec<_> = unseen
            .iter()
            .filter_map(|&i| self.queries.photos.get(i))
            .collect();
        if located.is_empty() {
            return Ok(());
        }
        let places: Vec<LatLng> = located.iter().map(|p| p.location).collect();
        let vectors: Vec<f32> = self
            .queries
            .rows()
            .zip(&self.queries.slices)
            .filter(|(_, slice)| **slice == Slice::Unseen)
            .flat_map(|(row, _)| row.iter().copied())
            .collect();
        let dim = self.run.dim();
        let gallery = self.run.embed(View::Aerial, &places)?;
        let conventions = report.conventions;
        let kappa = self.fusion.best.calibration.best.kappa as f32;
        let cells: Vec<Place> = places.iter().map(|&p| p.into()).collect();
        let index = |prototypes: f32, aerial: f32| {
            let scaled = |v: &[f32], by: f32| -> Vec<f32> { v.iter().map(|x| x * by).collect() };
            let prototypes = (
                self.prototypes.cells(),
                scaled(self.prototypes.vectors(), prototypes),
            );
            let table = FusedTable::new(
                dim,
                (prototypes.0, &prototypes.1),
                (&cells, &scaled(&gallery, aerial)),
            )?;
            Ok::<_, WorldError>(FusedIndex::new(&table)?)
        };
        for (name, index) in [
            (methods::GALLERY, index(0.0, 1.0)?),
            (methods::GALLERY_FUSED, index(kappa, 1.0)?),
            (methods::GALLERY_PROTOTYPES, index(1.0, 0.0)?),
        ] {
            let ranks = diagonal_ranks(&index, &vectors)?;
            let mut predictions = Vec::with_capacity(located.len());
            for ((photo, rank), vector) in located
                .iter()
                .zip(ranks)
                .zip(vectors.chunks_exact(dim.max(1)))
            {
                let best = crate::evaluate::nearest(&index, vector)?;
                let place = best.and_then(|at| places.get(at).copied());
                let prediction = Prediction::new(&photo.id, photo.location, place);
                predictions.push(prediction.with_rank(rank));
            }
            let radii = self.radii_km();
            let method =
                MethodReport::evaluate(name, Role::Method, predictions, &radii, &conventions)?
                    .with_retrieval(places.len(), &[1, 5, 10], &conventions)?
                    .with_description(methods::describe(name));
            report.push_method(method)?;
        }
        Ok(())
    }
}
