//! What the answers of an evaluation amount to: recall by slice, and paired comparisons.

use serde::{Deserialize, Serialize};

use super::Slice;
use super::evaluation::Evaluation;
use super::run::methods;
use crate::metrics::{Bootstrap, CoinTest, Measure, Report, mcnemar_test, paired_difference};
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

/// How two methods differ on the queries of a slice within a radius.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contest {
    /// Which queries.
    pub slice: Slice,
    /// Within how many cell widths an answer counts.
    pub widths: u32,
    /// The first method.
    pub first: String,
    /// The second method.
    pub second: String,
    /// First less second, with its paired-bootstrap interval.
    pub difference: Measure,
    /// `McNemar`'s exact test.
    pub test: CoinTest,
}

fn no_recall(method: &'static str, slice: Slice) -> WorldError {
    WorldError::NoFigure {
        method,
        figure: format!("recall on {} queries", slice.name()),
    }
}

impl Evaluation<'_> {
    /// Shares within one cell width, from the report; the unseen slice against the default gallery.
    pub(super) fn recalls(&self, report: &Report) -> Result<[SliceRecall; 3], WorldError> {
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
        let recall = |slice: Slice| -> Result<SliceRecall, WorldError> {
            let share = |name: &'static str, gallery: &'static str| {
                let (method, value) = match slice {
                    Slice::Unseen => (gallery, first(gallery)),
                    _ => (name, within(name, slice)),
                };
                value.ok_or_else(|| no_recall(method, slice))
            };
            Ok(SliceRecall {
                queries: self.queries.slices.iter().filter(|&&s| s == slice).count(),
                aerial_r1: share(methods::AERIAL, methods::GALLERY)?,
                prototype_r1: share(methods::PROTOTYPES, methods::GALLERY_PROTOTYPES)?,
                fused_r1: share(methods::FUSED, methods::GALLERY_FUSED)?,
            })
        };
        let [covered, uncovered, unseen] = Slice::ALL;
        Ok([recall(covered)?, recall(uncovered)?, recall(unseen)?])
    }

    /// Shares of the gallery of the model file within the width of a parent cell.
    pub(super) fn shipped_recalls(&self, report: &Report) -> Result<[f64; 3], WorldError> {
        let width = 2.0 * self.run.ground.cells().cell_width_km();
        let recall = |slice: Slice| {
            let method = report.method(methods::SHIPPED);
            let slices = method.and_then(|m| m.slices.iter().find(|s| s.tag == "cells"));
            let found = slices.and_then(|slices| slices.get(slice.name()));
            let share = found.and_then(|d| d.share_within(width));
            share.ok_or_else(|| no_recall(methods::SHIPPED, slice))
        };
        let [covered, uncovered, unseen] = Slice::ALL;
        Ok([recall(covered)?, recall(uncovered)?, recall(unseen)?])
    }

    /// Two methods on the queries of a slice.
    pub(super) fn contest(
        &self,
        slice: Slice,
        widths: u32,
        [first, second]: [&str; 2],
        report: &Report,
    ) -> Result<Contest, WorldError> {
        let radius_km = f64::from(widths) * self.run.ground.cells().cell_width_km();
        let hits = |name: &str| -> Vec<bool> {
            let predictions = report.method(name).map_or(&[][..], |m| &m.predictions);
            predictions
                .iter()
                .zip(&self.queries.slices)
                .filter(|(_, of)| **of == slice)
                .map(|(p, _)| p.distance_km.is_some_and(|d| d <= radius_km))
                .collect()
        };
        let (a, b) = (hits(first), hits(second));
        let numbers = |hits: &[bool]| -> Vec<f64> {
            hits.iter().map(|&hit| f64::from(u8::from(hit))).collect()
        };
        Ok(Contest {
            slice,
            widths,
            first: first.into(),
            second: second.into(),
            difference: paired_difference(&numbers(&a), &numbers(&b), Bootstrap::default())?,
            test: mcnemar_test(&a, &b)?,
        })
    }
}
