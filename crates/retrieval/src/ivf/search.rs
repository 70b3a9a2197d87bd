//! One query over the lists of an index.

use std::ops::Range;

use geoloc_geo_cells::LatLng;

use crate::certificate::QueryCode;
use crate::codes::{BitQuery, Rotation};
use crate::error::Damage;
use crate::flat::{Collector, Feed, RowRef, padded, region_positions};
use crate::kernels::{
    Kernel, LowScan, Scan, Sink, TILE_ROWS, dot, prefetch, scan_four_bit, scan_one, scan_one_bit,
};
use crate::row_table::RowTable;
use crate::top_k::{Ranked, TopK};
use crate::{Query, Region};

use super::ListCodes;
use super::router::Router;
use super::segment::{ListSegment, code_tile_bytes};

/// The unsealed rows are segment number `HEAD`.
pub(crate) const HEAD: u32 = u32::MAX;
/// Rows asked for ahead of the one being scored.
const PREFETCH_ROWS: usize = 4;

/// Bytes of the next list asked for while one is scanned.
const PREFETCH_BYTES: usize = 4096;

/// The parts of an index that a search reads.
pub(crate) struct Lists<'a> {
    pub(crate) router: &'a Router,
    pub(crate) segments: &'a [ListSegment],
    pub(crate) head: &'a RowTable,
    pub(crate) rotation: &'a Rotation,
    pub(crate) codes: ListCodes,
    pub(crate) kernel: Kernel,
}

/// A ranking, and how it was made.
pub(crate) struct Ranking {
    pub(crate) rows: Vec<Ranked<RowRef>>,
    pub(crate) reranked: usize,
    /// Every list was visited, with a certificate.
    pub(crate) exact: bool,
}

impl Lists<'_> {
    pub(crate) fn row(&self, row: RowRef) -> Result<(u64, &[f32]), Damage> {
        let at = row.at as usize;
        match self.segments.get(row.segment as usize) {
            Some(ListSegment { store, .. }) => Ok((store.id(at)?, store.row(at)?)),
            None => Ok((self.head.id(at), self.head.row(at))),
        }
    }

    /// The best `k` rows of the nearest `probes` lists (that hold rows of the region).
    pub(crate) fn ranking(
        &self,
        query: &Query,
        vector: &[f32],
        k: usize,
        probes: usize,
        rerank: usize,
    ) -> Result<Ranking, Damage> {
        let route_code = QueryCode::new(vector, self.kernel);
        // With a region, lists without rows in it do not count.
        let considered = if query.region.is_some() {
            self.router.lists
        } else {
            probes
        };
        let order = self.router.route(&route_code, considered, self.kernel);
        let mut visits: Vec<Visit<'_>> = Vec::new();
        let mut left = probes;
        let mut complete = order.len() == self.router.lists;
        for &list in &order {
            if left == 0 {
                complete = false;
                break;
            }
            let before = visits.len();
            for (number, segment) in self.segments.iter().enumerate() {
                let tiles = segment.list(list);
                let rows = tiles.start * TILE_ROWS..tiles.end * TILE_ROWS;
                for rows in positions(segment, rows, query.region.as_ref())? {
                    if let Some(region) = &query.region
                        && region.shape.is_some()
                    {
                        // Rows are judged one by one in the scan.
                        segment.store.locations.get(rows.clone())?;
                    }
                    visits.push(Visit {
                        segment,
                        number: number as u32,
                        list,
                        rows,
                    });
                }
            }
            if visits.len() > before || query.region.is_none() {
                left -= 1;
            }
        }
        match self.codes {
            ListCodes::Int8 => self.certified(query, vector, k, route_code, &visits, complete),
            ListCodes::FourBit | ListCodes::OneBit => {
                self.estimated(query, vector, k, rerank, &visits)
            }
        }
    }

    fn certified(
        &self,
        query: &Query,
        vector: &[f32],
        k: usize,
        mut code: QueryCode,
        visits: &[Visit<'_>],
        complete: bool,
    ) -> Result<Ranking, Damage> {
        let mut collector = Collector::new(k);
        for (at, score) in self.head.scored(query, vector) {
            collector.push(head_row(at), score, 0.0);
        }
        let norm = length(vector);
        for (i, visit) in visits.iter().enumerate() {
            prefetch_start(visits.get(i + 1), self.codes);
            let mean = visit.segment.mean(visit.list);
            code.set_constant(dot(mean, vector), length(mean) * norm);
            let scan = Scan {
                tiles: visit.tiles(self.codes)?,
                padded: padded(vector.len()),
                first_row: visit.first_row(),
                offsets: None,
            };
            let keep = |at: usize| visit.keeps(query, at);
            let mut feed = Feed {
                collector: &mut collector,
                segment: visit.number,
                range: visit.rows.clone(),
                dead: &visit.segment.store.dead,
                keep: Some(&keep),
            };
            scan_one(self.kernel, &scan, &code, &mut feed);
        }
        let (rows, reranked) =
            collector.finish(|row| self.row(row), |_, values| Ok(dot(values, vector)))?;
        Ok(Ranking {
            rows,
            reranked,
            exact: complete,
        })
    }

    fn estimated(
        &self,
        query: &Query,
        vector: &[f32],
        k: usize,
        rerank: usize,
        visits: &[Visit<'_>],
    ) -> Result<Ranking, Damage> {
        let mut best = TopK::new(k);
        let mut reranked = 0;
        for (at, score) in self.head.scored(query, vector) {
            best.push(score, self.head.id(at), head_row(at));
            reranked += 1;
        }
        let mut rotated = vector.to_vec();
        self.rotation.apply(&mut rotated);
        let query_code = match self.codes {
            ListCodes::OneBit => LowQuery::Bits(BitQuery::new(&rotated)),
            _ => LowQuery::Bytes(QueryCode::one_plane(&rotated, self.kernel)),
        };
        let mut estimates = Estimates {
            best: TopK::new(rerank.max(k)),
            floor: f32::NEG_INFINITY,
            number: 0,
            rows: 0..0,
            visit: None,
        };
        for (i, visit) in visits.iter().enumerate() {
            prefetch_start(visits.get(i + 1), self.codes);
            let mean = visit.segment.mean(visit.list);
            let scan = LowScan {
                tiles: visit.tiles(self.codes)?,
                tile_bytes: code_tile_bytes(self.codes, vector.len()),
                first_row: visit.first_row(),
                constant: dot(mean, vector),
            };
            estimates.number = visit.number;
            estimates.rows = visit.rows.clone();
            estimates.visit = Some((visit, query));
            match &query_code {
                LowQuery::Bits(bits) => scan_one_bit(self.kernel, &scan, bits, &mut estimates),
                LowQuery::Bytes(code) => scan_four_bit(self.kernel, &scan, code, &mut estimates),
            }
        }
        let promising = estimates.best.into_sorted();
        for (i, estimate) in promising.iter().enumerate() {
            if let Some(soon) = promising.get(i + PREFETCH_ROWS) {
                prefetch(self.row(soon.item)?.1);
            }
            let (id, values) = self.row(estimate.item)?;
            best.push(dot(values, vector), id, estimate.item);
            reranked += 1;
        }
        Ok(Ranking {
            rows: best.into_sorted(),
            reranked,
            exact: visits.is_empty() && self.segments.is_empty(),
        })
    }
}

fn head_row(at: usize) -> RowRef {
    RowRef {
        segment: HEAD,
        at: at as u32,
    }
}

enum LowQuery {
    Bytes(QueryCode),
    Bits(BitQuery),
}

/// A range of rows of one list of one segment.
struct Visit<'a> {
    segment: &'a ListSegment,
    number: u32,
    list: u32,
    rows: Range<usize>,
}

impl Visit<'_> {
    /// Whether a row lies in the shape of the region; its block was checked before.
    fn keeps(&self, query: &Query, at: usize) -> bool {
        let Some(shape) = query.region.as_ref().and_then(|r| r.shape.as_ref()) else {
            return true;
        };
        let location = self.segment.store.locations.unchecked().get(at);
        let p = location.and_then(|&[lat, lng]| LatLng::new(lat, lng).ok());
        p.is_some_and(|p| shape.contains(p))
    }

    fn first_row(&self) -> usize {
        self.rows.start / TILE_ROWS * TILE_ROWS
    }

    fn tiles(&self, codes: ListCodes) -> Result<&[u8], Damage> {
        let size = code_tile_bytes(codes, self.segment.store.dim);
        let tiles = self.rows.start / TILE_ROWS..self.rows.end.div_ceil(TILE_ROWS);
        self.segment.tiles.get(tiles.start * size..tiles.end * size)
    }
}

/// Asks the cache for the beginning of the next list: lists lie anywhere in memory.
fn prefetch_start(next: Option<&Visit<'_>>, codes: ListCodes) {
    if let Some(visit) = next {
        let size = code_tile_bytes(codes, visit.segment.store.dim);
        let from = visit.rows.start / TILE_ROWS * size;
        let bytes = visit.segment.tiles.unchecked();
        let end = (from + PREFETCH_BYTES).min(bytes.len());
        prefetch(bytes.get(from..end).unwrap_or(&[]));
        prefetch(visit.segment.mean(visit.list));
    }
}

fn positions(
    segment: &ListSegment,
    rows: Range<usize>,
    region: Option<&Region>,
) -> Result<Vec<Range<usize>>, Damage> {
    match region {
        None if rows.is_empty() => Ok(Vec::new()),
        None => Ok(std::iter::once(rows).collect()),
        Some(region) => region_positions(&segment.store, rows, region),
    }
}

/// The Euclidean norm.
fn length(x: &[f32]) -> f64 {
    x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

/// The rows with the best estimates.
struct Estimates<'a> {
    best: TopK<RowRef>,
    floor: f32,
    number: u32,
    rows: Range<usize>,
    visit: Option<(&'a Visit<'a>, &'a Query)>,
}

impl Sink for Estimates<'_> {
    fn floor(&self) -> f32 {
        self.floor
    }

    fn take(&mut self, first_row: usize, lanes: u32, score: &[f32; 16], _: &[f32; 16]) {
        let mut lanes = lanes;
        while lanes != 0 {
            let lane = lanes.trailing_zeros() as usize;
            lanes &= lanes - 1;
            let at = first_row + lane;
            let kept = |(visit, query): (&Visit<'_>, &Query)| {
                !visit.segment.store.dead.contains(at) && visit.keeps(query, at)
            };
            let kept = self.rows.contains(&at) && self.visit.is_some_and(kept);
            if let (true, Some(&score)) = (kept, score.get(lane)) {
                let row = RowRef {
                    segment: self.number,
                    at: at as u32,
                };
                self.best.push(score, at as u64, row);
            }
        }
        self.floor = self.best.floor();
    }
}
