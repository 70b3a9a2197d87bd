//! One query over the lists of an index.

use crate::Query;
use crate::certificate::{Asked, QueryCode};
use crate::codes::{BitQuery, Rotation};
use crate::error::Damage;
use crate::flat::{Collector, Feed, RowRef, padded};
use crate::kernels::{Kernel, LowScan, Scan, dot, prefetch, scan_four_bit, scan_one, scan_one_bit};
use crate::prior::PriorTerms;
use crate::segments::{Segments, head_row};
use crate::top_k::{Ranked, TopK};

use super::ListCodes;
use super::estimates::{EstimateFeed, Estimates};
use super::router::Router;
use super::segment::{ListSegment, code_tile_bytes};
use super::visit::Visit;

/// Rows asked for ahead of the one being scored.
const PREFETCH_ROWS: usize = 4;

/// The parts of an index that a search reads.
pub(super) struct Lists<'a> {
    pub(super) router: &'a Router,
    pub(super) rows: &'a Segments<ListSegment>,
    pub(super) rotation: &'a Rotation,
    pub(super) codes: ListCodes,
    pub(super) kernel: Kernel,
}

/// What is asked of them.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) query: &'a Query,
    pub(super) vector: &'a [f32],
    pub(super) k: usize,
    pub(super) probes: usize,
    /// Rows to score in full after codes of low bits.
    pub(super) rerank: usize,
}

/// A ranking, and how it was made.
pub(super) struct Ranking {
    pub(super) rows: Vec<Ranked<RowRef>>,
    pub(super) reranked: usize,
    /// Every list was visited, with a certificate.
    pub(super) exact: bool,
}

impl Lists<'_> {
    /// The best `k` rows of the nearest `probes` lists (that hold rows of the region).
    pub(super) fn ranking(&self, ask: &Ask<'_>) -> Result<Ranking, Damage> {
        let route_code = QueryCode::one_plane(ask.vector, self.kernel);
        // With a region, lists without rows in it do not count.
        let considered = match ask.query.region {
            Some(_) => self.router.lists,
            None => ask.probes,
        };
        let counts = std::iter::once(considered);
        let order = self.router.route(&[route_code], counts, self.kernel);
        let mut visits: Vec<Visit<'_>> = Vec::new();
        let mut left = ask.probes;
        let mut complete = considered == self.router.lists;
        for &list in order.iter().flatten() {
            if left == 0 {
                complete = false;
                break;
            }
            let before = visits.len();
            Visit::of_list(&self.rows.sealed, list, ask.query, &mut visits)?;
            if visits.len() > before || ask.query.region.is_none() {
                left -= 1;
            }
        }
        match self.codes {
            ListCodes::Int8 => self.certified(ask, &visits, complete),
            ListCodes::FourBit | ListCodes::OneBit => self.estimated(ask, &visits),
        }
    }

    fn certified(
        &self,
        ask: &Ask<'_>,
        visits: &[Visit<'_>],
        complete: bool,
    ) -> Result<Ranking, Damage> {
        let Ask { query, vector, .. } = *ask;
        let code = QueryCode::new(vector, self.kernel);
        let mut collector = Collector::new(ask.k);
        for (at, score) in self.rows.head.scored(query, vector) {
            collector.push(head_row(at), score, 0.0);
        }
        let norm = length(vector);
        let mut prior = PriorTerms::default();
        for (i, visit) in visits.iter().enumerate() {
            if let Some(next) = visits.get(i + 1) {
                next.prefetch(self.codes);
            }
            let mean = visit.segment.mean(visit.list);
            let asked = code.asked_with(dot(mean, vector), length(mean) * norm);
            let rows = visit.tile_rows();
            let scan = Scan {
                tiles: visit.tiles(self.codes)?,
                padded: padded(vector.len()),
                first_row: rows.start,
                offsets: prior.of(query, &visit.segment.store, rows)?,
            };
            let keep = |at: usize| visit.keeps(query, at);
            let mut feed = Feed {
                collector: &mut collector,
                segment: visit.number,
                range: visit.rows.clone(),
                dead: &visit.segment.store.dead,
                keep: Some(&keep),
            };
            scan_one(self.kernel, &scan, asked, &mut feed);
        }
        self.settled(collector, ask, complete)
    }

    /// Scores what the certificate could not rule out.
    pub(super) fn settled(
        &self,
        collector: Collector,
        ask: &Ask<'_>,
        complete: bool,
    ) -> Result<Ranking, Damage> {
        let (rows, reranked) = collector.finish(
            |row| self.rows.row(row),
            |row, values| self.rows.score(ask.query, ask.vector, row, values),
        )?;
        Ok(Ranking {
            rows,
            reranked,
            exact: complete,
        })
    }

    fn estimated(&self, ask: &Ask<'_>, visits: &[Visit<'_>]) -> Result<Ranking, Damage> {
        let Ask { query, vector, .. } = *ask;
        let code = LowQuery::new(vector, self);
        let mut estimates = Estimates::new(ask.rerank.max(ask.k));
        let mut prior = PriorTerms::default();
        for (i, visit) in visits.iter().enumerate() {
            if let Some(next) = visits.get(i + 1) {
                next.prefetch(self.codes);
            }
            let rows = visit.tile_rows();
            let scan = LowScan {
                tiles: visit.tiles(self.codes)?,
                tile_bytes: code_tile_bytes(self.codes, vector.len()),
                first_row: rows.start,
            };
            let first_row = rows.start;
            prior.of(query, &visit.segment.store, rows)?;
            let terms = prior.terms();
            let keep = |at: usize| visit.keeps(query, at);
            let mut feed = EstimateFeed {
                estimates,
                segment: visit.number,
                rows: visit.rows.clone(),
                dead: &visit.segment.store.dead,
                keep: query.region.is_some().then_some(&keep),
                terms,
                first_row,
                // Without a prior there are none.
                largest_term: terms.iter().copied().reduce(f32::max).unwrap_or(0.0),
            };
            let constant = dot(visit.segment.mean(visit.list), vector);
            code.scan(self.kernel, &scan, constant, &mut feed);
            estimates = feed.estimates;
        }
        self.rescored(estimates, ask)
    }

    /// Scores the rows with the best estimates, and those without codes.
    pub(super) fn rescored(&self, estimates: Estimates, ask: &Ask<'_>) -> Result<Ranking, Damage> {
        let mut best = TopK::new(ask.k);
        let mut reranked = 0;
        for (at, score) in self.rows.head.scored(ask.query, ask.vector) {
            best.push(score, self.rows.head.id(at), head_row(at));
            reranked += 1;
        }
        let promising = estimates.into_sorted();
        for (i, row) in promising.iter().enumerate() {
            if let Some(soon) = promising.get(i + PREFETCH_ROWS) {
                prefetch(self.rows.row(*soon)?.1);
            }
            let (id, values) = self.rows.row(*row)?;
            let score = self.rows.score(ask.query, ask.vector, *row, values)?;
            best.push(score, id, *row);
            reranked += 1;
        }
        Ok(Ranking {
            rows: best.into_sorted(),
            reranked,
            exact: self.rows.sealed.is_empty(),
        })
    }
}

/// A query against codes of low bits.
pub(super) enum LowQuery {
    Bytes(QueryCode),
    Bits(BitQuery),
}

impl LowQuery {
    pub(super) fn new(vector: &[f32], lists: &Lists<'_>) -> Self {
        let mut rotated = vector.to_vec();
        lists.rotation.apply(&mut rotated);
        match lists.codes {
            ListCodes::OneBit => Self::Bits(BitQuery::new(&rotated)),
            _ => Self::Bytes(QueryCode::one_plane(&rotated, lists.kernel)),
        }
    }

    pub(super) fn scan(
        &self,
        kernel: Kernel,
        scan: &LowScan<'_>,
        constant: f32,
        feed: &mut EstimateFeed<'_>,
    ) {
        match self {
            Self::Bits(bits) => scan_one_bit(kernel, scan, bits, constant, feed),
            Self::Bytes(code) => scan_four_bit(kernel, scan, with(code, constant), feed),
        }
    }
}

/// A code with the constant of a list; estimates need no slack.
pub(super) fn with(code: &QueryCode, constant: f32) -> Asked<'_> {
    code.asked_with(constant, 0.0)
}

/// The Euclidean norm.
pub(super) fn length(x: &[f32]) -> f64 {
    x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}
