//! What the answers of an evaluation amount to: recall by slice, paired comparisons, κ on the test.

use serde::{Deserialize, Serialize};

use super::Slice;
use super::evaluation::Evaluation;
use super::run::methods;
use crate::geo_cells::{LatLng, haversine_km};
use crate::metrics::{Bootstrap, CoinTest, Measure, Report, mcnemar_test, paired_difference};
use crate::retrieval::{Calibration, FusedIndex, Hit, calibrate_kappa};
use crate::world::WorldError;

/// Share of the queries of a slice whose first answer lies within one cell width, by method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SliceRecall {
    /// Number of queries.
    pub queries: usize,
    /// Aerial codes alone.
    pub aerial_r1: f64,
    /// Prototypes alone.
    pub prototype_r1: f64,
    /// Both, with the κ found on validation.
    pub fused_r1: f64,
}

/// How two methods differ on the queries of a slice, at one cell width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contest {
    /// Which queries.
    pub slice: Slice,
    /// The first method.
    pub first: String,
    /// The second method.
    pub second: String,
    /// First less second, with its paired-bootstrap interval.
    pub difference: Measure,
    /// `McNemar`'s exact test.
    pub test: CoinTest,
}

impl Evaluation<'_> {
    /// Shares within one cell width, from the report; the unseen slice against the default gallery.
    pub(super) fn recalls(&self, report: &Report) -> [SliceRecall; 3] {
        let width = self.run.ground.cells().cell_width_km();
        let within = |name: &str, slice: Slice| {
            let method = report.method(name)?;
            let slices = method.slices.iter().find(|s| s.tag == "cells")?;
            slices.get(slice.name())?.share_within(width)
        };
        let first = |name: &str| {
            let summary = report.method(name)?.retrieval.as_ref()?;
            summary.recall.first().map(|r| r.share.value)
        };
        Slice::ALL.map(|slice| {
            let share = |name: &str, gallery: &str| match slice {
                Slice::Unseen => first(gallery),
                _ => within(name, slice),
            };
            SliceRecall {
                queries: self.queries.slices.iter().filter(|&&s| s == slice).count(),
                aerial_r1: share(methods::AERIAL, methods::GALLERY).unwrap_or(0.0),
                prototype_r1: share(methods::PROTOTYPES, methods::GALLERY_PROTOTYPES)
                    .unwrap_or(0.0),
                fused_r1: share(methods::FUSED, methods::GALLERY_FUSED).unwrap_or(0.0),
            }
        })
    }

    /// Recall of the covered and uncovered test queries for every κ that the validation tried.
    pub(super) fn test_curve(&self) -> Result<Calibration, WorldError> {
        let width = self.run.ground.cells().cell_width_km();
        let asked: Vec<(LatLng, &[f32])> = self
            .queries
            .photos
            .iter()
            .zip(self.queries.rows())
            .zip(&self.queries.slices)
            .filter(|(_, slice)| **slice != Slice::Unseen)
            .map(|((photo, row), _)| (photo.location, row))
            .collect();
        let vectors: Vec<&[f32]> = asked.iter().map(|(_, row)| *row).collect();
        let is_right = |i: usize, hit: &Hit| {
            let truth = asked.get(i).map(|(place, _)| *place);
            truth
                .zip(hit.place)
                .is_some_and(|(t, p)| haversine_km(t, p.location) <= width)
        };
        let index = FusedIndex::new(&self.fusion.table)?;
        Ok(calibrate_kappa(
            &index,
            &vectors,
            is_right,
            &self.config.kappa,
        )?)
    }

    /// Two methods on the queries of a slice.
    pub(super) fn contest(
        &self,
        slice: Slice,
        first: &str,
        second: &str,
        report: &Report,
    ) -> Result<Contest, WorldError> {
        let width = self.run.ground.cells().cell_width_km();
        let hits = |name: &str| -> Vec<bool> {
            let predictions = report.method(name).map_or(&[][..], |m| &m.predictions);
            predictions
                .iter()
                .zip(&self.queries.slices)
                .filter(|(_, of)| **of == slice)
                .map(|(p, _)| p.distance_km.is_some_and(|d| d <= width))
                .collect()
        };
        let (a, b) = (hits(first), hits(second));
        let numbers = |hits: &[bool]| -> Vec<f64> {
            hits.iter().map(|&hit| f64::from(u8::from(hit))).collect()
        };
        Ok(Contest {
            slice,
            first: first.into(),
            second: second.into(),
            difference: paired_difference(&numbers(&a), &numbers(&b), Bootstrap::default())?,
            test: mcnemar_test(&a, &b)?,
        })
    }
}
