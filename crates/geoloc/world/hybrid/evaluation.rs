//! All methods on all slices.

use std::time::Instant;

use super::fusion::FusionChoice;
use super::judgement::Contest;
use super::run::methods;
use super::shipped::ShippedGallery;
use super::{HybridConfig, HybridRun, Slice, WorldQueries};
use crate::core::Locator;
use crate::evaluate::RADII_KM;
use crate::geo_cells::LatLng;
use crate::hybrid::CellPrototypes;
use crate::metrics::{Report, Role};
use crate::retrieval::{
    CellRefinement, FlatIndex, FusedIndex, Hits, Place, Query, Rows, VectorIndex, VectorIndexMut,
};
use crate::world::WorldError;

/// What an evaluation finds besides the report.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// Milliseconds a query, by method.
    pub ms_per_query: Vec<(&'static str, f64)>,
    /// Rows of the database, by method.
    pub rows: Vec<(&'static str, usize)>,
    /// Paired comparisons on a slice.
    pub contests: Vec<Contest>,
    /// Answers of the fused search.
    pub fused: Vec<Option<LatLng>>,
}

/// Seed of the conditions under which the photos of image retrieval were taken.
const PHOTO_SEED: u64 = 0x0070_686f_746f;

/// Everything that answers come from.
pub(super) struct Evaluation<'a> {
    pub run: &'a HybridRun,
    pub config: &'a HybridConfig,
    pub prototypes: &'a CellPrototypes,
    /// Aerial codes of all rows.
    pub aerial: &'a [f32],
    pub fusion: &'a FusionChoice,
    pub queries: &'a WorldQueries,
}

impl Evaluation<'_> {
    /// Radii of the report: one, two and five cell widths, and those of every report here.
    pub(super) fn radii_km(&self) -> Vec<f64> {
        let width = self.run.ground.cells().cell_width_km();
        let mut radii = RADII_KM.to_vec();
        radii.extend([1.0, 2.0, 5.0].map(|n| n * width));
        radii.sort_by(f64::total_cmp);
        radii
    }

    /// Runs every method over all queries and adds it to the report.
    pub(super) fn evaluate(
        &self,
        classifier: Option<&dyn Locator>,
        report: &mut Report,
    ) -> Result<Findings, WorldError> {
        let mut findings = Findings::default();
        let kappa = self.fusion.best.best.kappa as f32;
        let rows = self.run.ground.cells().rows().len();

        let (index, parents) = self.prototype_index()?;
        let hits = self.timed(&index, &[1.0], methods::PROTOTYPES, &mut findings)?;
        let answers = first_places(&hits);
        self.push(
            methods::PROTOTYPES,
            &answers,
            parents,
            report,
            &mut findings,
        )?;

        // Uncalibrated is a plain sum: nothing that validation chose.
        let cells = self.run.ground.cells();
        let plain = FusedIndex::new(&self.prototypes.table(cells, self.aerial)?)?;
        let fused = FusedIndex::new(&self.fusion.table)?;
        let ways = [
            (methods::AERIAL, &plain, 0.0),
            (methods::UNCALIBRATED, &plain, 1.0),
            (methods::FUSED, &fused, kappa),
        ];
        let mut ranked = Vec::new();
        for (name, index, weight) in ways {
            ranked = self.timed(index, &[1.0, weight], name, &mut findings)?;
            self.push(name, &first_places(&ranked), rows, report, &mut findings)?;
        }
        findings.fused = first_places(&ranked);

        let shipped = ShippedGallery::new(self.run, self.prototypes, &self.fusion.best)?;
        let (index, prior) = shipped.index()?;
        let mut answers = Vec::new();
        for row in self.queries.rows() {
            let hits = index.search(&Query::new(row).prior(prior.clone(), 1.0).k(1))?;
            answers.push(
                hits.hits
                    .first()
                    .and_then(|hit| hit.place)
                    .map(|p| p.location),
            );
        }
        self.push(
            methods::SHIPPED,
            &answers,
            index.len(),
            report,
            &mut findings,
        )?;

        let photos = self.photo_index()?;
        let refined = self.refined(&ranked, &photos)?;
        for (name, answers) in [methods::REFINED, methods::SNAPPED]
            .into_iter()
            .zip(refined)
        {
            self.push(name, &answers, rows, report, &mut findings)?;
        }
        let hits = self.timed(&photos, &[1.0], methods::IMAGES, &mut findings)?;
        let answers = first_places(&hits);
        self.push(
            methods::IMAGES,
            &answers,
            photos.len(),
            report,
            &mut findings,
        )?;
        if let Some(classifier) = classifier {
            let pixels: Vec<_> = self
                .queries
                .photos
                .iter()
                .map(|p| p.photo.clone())
                .collect();
            let answers: Vec<Option<LatLng>> = classifier
                .locate(&pixels)
                .into_iter()
                .map(|e| e.ok().map(|e| e.location))
                .collect();
            self.push(
                methods::CLASSIFIER,
                &answers,
                parents,
                report,
                &mut findings,
            )?;
        }
        // Prototypes and classes answer the centre of a parent, which lies within one width of four in
        // five of its places at most: two widths are fair to them.
        for (slice, widths, second) in [
            (Slice::Covered, 1, methods::AERIAL),
            (Slice::Covered, 1, methods::PROTOTYPES),
            (Slice::Covered, 2, methods::PROTOTYPES),
            (Slice::Covered, 1, methods::UNCALIBRATED),
            (Slice::Covered, 1, methods::IMAGES),
            (Slice::Covered, 1, methods::CLASSIFIER),
            (Slice::Covered, 2, methods::CLASSIFIER),
            (Slice::Uncovered, 1, methods::AERIAL),
        ] {
            if report.method(second).is_some() {
                let contest = self.contest(slice, widths, [methods::FUSED, second], report)?;
                findings.contests.push(contest);
            }
        }
        self.default_gallery(report)?;
        Ok(findings)
    }

    /// Prototypes with the centres of their cells.
    fn prototype_index(&self) -> Result<(FlatIndex, usize), WorldError> {
        let cells = self.prototypes.cells();
        let places: Vec<Place> = cells.iter().map(|c| c.center().into()).collect();
        let mut index = FlatIndex::new(self.run.dim())?;
        index.add(&Rows::new(self.prototypes.vectors()).with_places(&places))?;
        index.seal()?;
        Ok((index, cells.len()))
    }

    /// Ground photos with their places.
    fn photo_index(&self) -> Result<FlatIndex, WorldError> {
        let all = self.run.ground.photos();
        let places = &all[..self.config.retrieval_photos.min(all.len())];
        let vectors = self.run.embed_photos(places, PHOTO_SEED)?;
        let places: Vec<Place> = places.iter().map(|&p| p.into()).collect();
        let mut index = FlatIndex::new(self.run.dim())?;
        index.add(&Rows::new(&vectors).with_places(&places))?;
        index.seal()?;
        Ok(index)
    }

    fn timed(
        &self,
        index: &dyn VectorIndex,
        weights: &[f32],
        name: &'static str,
        findings: &mut Findings,
    ) -> Result<Vec<Hits>, WorldError> {
        let queries: Vec<Query> = self
            .queries
            .rows()
            .map(|row| {
                Query::new(row)
                    .weights(weights)
                    .k(self.config.fusion.refined.max(1))
            })
            .collect();
        let started = Instant::now();
        let hits = queries
            .iter()
            .map(|query| index.search(query))
            .collect::<Result<Vec<Hits>, _>>()?;
        let ms = started.elapsed().as_secs_f64() * 1e3 / queries.len().max(1) as f64;
        findings.ms_per_query.push((name, ms));
        Ok(hits)
    }

    fn push(
        &self,
        name: &'static str,
        answers: &[Option<LatLng>],
        rows: usize,
        report: &mut Report,
        findings: &mut Findings,
    ) -> Result<(), WorldError> {
        let role = match name {
            methods::IMAGES | methods::CLASSIFIER => Role::Baseline,
            _ => Role::Method,
        };
        let radii = self.radii_km();
        let method = self
            .queries
            .method(name, role, answers, &radii, &report.conventions)?
            .with_description(methods::describe(name))
            .with_extra("rows", rows as f64);
        let method = match self.code_rows(name, rows) {
            0 => method,
            // A byte a value, and scale and error norm of each row.
            codes => method.with_extra(
                "int8_megabytes",
                (codes * (self.run.dim() + 8)) as f64 / 1e6,
            ),
        };
        report.push_method(method)?;
        findings.rows.push((name, rows));
        Ok(())
    }

    /// Rows of codes that a method needs; both parts of the fused ones, none of a classifier.
    fn code_rows(&self, name: &str, rows: usize) -> usize {
        match name {
            methods::CLASSIFIER => 0,
            methods::FUSED | methods::UNCALIBRATED | methods::REFINED => {
                rows + self.fusion.table.prototypes_len()
            }
            methods::SNAPPED => {
                let photos = self.config.retrieval_photos;
                let photos = photos.min(self.run.ground.photos().len());
                rows + self.fusion.table.prototypes_len() + photos
            }
            _ => rows,
        }
    }

    /// Score-weighted places, without and with a snap to the most similar photo.
    fn refined(
        &self,
        ranked: &[Hits],
        photos: &FlatIndex,
    ) -> Result<[Vec<Option<LatLng>>; 2], WorldError> {
        let width = self.run.ground.cells().cell_width_km();
        let refinement = CellRefinement {
            radius_km: self.config.fusion.refined_widths * width,
            temperature: self.config.fusion.temperature,
        };
        let snap_km = self.config.fusion.snap_widths * width;
        let (mut means, mut snapped) = (Vec::new(), Vec::new());
        for (hits, query) in ranked.iter().zip(self.queries.rows()) {
            means.push(refinement.centroid(&hits.hits)?);
            let place = refinement.snap(&hits.hits, photos, query, snap_km)?;
            snapped.push(place.map(|p| p.location));
        }
        Ok([means, snapped])
    }
}

fn first_places(hits: &[Hits]) -> Vec<Option<LatLng>> {
    hits.iter()
        .map(|h| h.hits.first().and_then(|hit| hit.place).map(|p| p.location))
        .collect()
}
