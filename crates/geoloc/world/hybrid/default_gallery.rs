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
    /// The unseen queries against their own aerial tiles, seen all round. No prototype lies in the
    /// unseen area, so that aerial codes alone and both parts together must agree.
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
        let conventions = report.conventions;
        let kappa = self.fusion.best.best.kappa as f32;
        let cells: Vec<Place> = places.iter().map(|&p| p.into()).collect();
        let dim = self.run.dim();
        let plain = [View::Query, View::Aerial].map(|view| self.run.embed(view, &places));
        let round = [View::Query, View::Aerial].map(|view| self.run.embed_all_round(view, &places));
        let ([query, aerial], [all_round_query, all_round_aerial]) = (plain, round);
        let (query, aerial) = (query?, aerial?);
        let (all_round_query, all_round_aerial) = (all_round_query?, all_round_aerial?);
        let index = |ways: usize, aerial: &[f32], prototypes: f32, tiles: f32| {
            // Prototypes were learned for tiles as they are: the first of the eight ways.
            let scale = prototypes * (ways as f32).sqrt();
            let mut rows = Vec::new();
            for prototype in self.prototypes.vectors().chunks_exact(dim.max(1)) {
                rows.extend(prototype.iter().map(|x| x * scale));
                rows.resize(rows.len() + (ways - 1) * dim, 0.0);
            }
            let aerial: Vec<f32> = aerial.iter().map(|x| x * tiles).collect();
            let prototypes = (self.prototypes.cells(), rows.as_slice());
            let table = FusedTable::new(ways * dim, prototypes, (&cells, &aerial))?;
            Ok::<_, WorldError>(FusedIndex::new(&table)?)
        };
        let one = (1, &query, &aerial);
        let all = (8, &all_round_query, &all_round_aerial);
        for (name, (ways, vectors, aerial), prototypes, tiles) in [
            (methods::GALLERY, all, 0.0, 1.0),
            (methods::GALLERY_FUSED, all, kappa, 1.0),
            (methods::GALLERY_PROTOTYPES, all, 1.0, 0.0),
            (methods::GALLERY_ONE_WAY, one, 0.0, 1.0),
        ] {
            let index = index(ways, aerial, prototypes, tiles)?;
            let ranks = diagonal_ranks(&index, vectors)?;
            let mut predictions = Vec::with_capacity(located.len());
            for ((photo, rank), vector) in located
                .iter()
                .zip(ranks)
                .zip(vectors.chunks_exact((ways * dim).max(1)))
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
