//! Scans of the tiles of a [`FlatIndex`], for one query and for many.

use std::ops::Range;

use geoloc_geo_cells::LatLng;

use crate::certificate::{Asked, QueryCode};
use crate::error::Damage;
use crate::kernels::{GROUP, Scan, Scratch, TILE_ROWS, scan_group};
use crate::prior::PriorTerms;
use crate::products::scan_rows;
use crate::query::combined_all;
use crate::segments::head_row;
use crate::suppress::{self, select};
use crate::{Hit, Hits, Query, SearchError};

use super::FlatIndex;
use super::collector::{Collector, Feed};
use super::segment::{Segment, padded, tile_bytes};

/// Bytes of tiles checked, if they come from a file, and then scanned out of the second-level cache.
const SINGLE_BLOCK: usize = 512 << 10;
/// Bytes of tiles that stay in the second-level cache while all queries of a batch pass over them.
const BATCH_BLOCK: usize = 384 << 10;

impl FlatIndex {
    /// Answers one query of any kind.
    pub(super) fn search_one(&self, query: &Query) -> Result<Hits, SearchError> {
        let vector = query.combined(self.dim)?;
        self.rows.check_places(query)?;
        let code = QueryCode::new(&vector, self.kernel);
        select(query, |k| {
            let mut collector = Collector::new(k.min(self.len()).max(1));
            for (at, score) in self.rows.head.scored(query, &vector) {
                collector.push(head_row(at), score, 0.0);
            }
            self.scan_segments(query, &code, &mut collector)?;
            let (hits, reranked) = self.finish(collector, query, &vector)?;
            Ok(suppress::Ranked {
                complete: hits.len() < k,
                hits,
                reranked,
                exact: true,
            })
        })
    }

    /// The ranges of rows that a query looks at in one segment.
    fn ranges(segment: &Segment, query: &Query) -> Result<Vec<Range<usize>>, Damage> {
        match &query.region {
            None => Ok(std::iter::once(0..segment.store.len).collect()),
            Some(region) => segment.positions(region),
        }
    }

    /// Scans the sealed rows for one query.
    fn scan_segments(
        &self,
        query: &Query,
        code: &QueryCode,
        collector: &mut Collector,
    ) -> Result<(), Damage> {
        let shape = query.region.as_ref().and_then(|r| r.shape.as_ref());
        let mut prior = PriorTerms::default();
        for (number, segment) in self.rows.sealed.iter().enumerate() {
            for range in Self::ranges(segment, query)? {
                // Checked here, so that the scan can look at single rows.
                let columns = match shape {
                    Some(_) => segment.store.locations.get(range.clone())?,
                    None => &[],
                };
                let keep = |at: usize| {
                    let location = columns.get(at - range.start);
                    let p = location.and_then(|&[lat, lng]| LatLng::new(lat, lng).ok());
                    shape.is_none_or(|shape| p.is_some_and(|p| shape.contains(p)))
                };
                for block in blocks(&range, self.dim, SINGLE_BLOCK) {
                    let rows = block.start * TILE_ROWS..block.end * TILE_ROWS;
                    let offsets = prior.of(query, &segment.store, rows)?;
                    let mut feed = Feed {
                        collector,
                        segment: number as u32,
                        range: range.clone(),
                        dead: &segment.store.dead,
                        keep: shape.is_some().then_some(&keep),
                    };
                    let asked = (self.kernel, code.asked());
                    let tiles = &segment.tiles;
                    tiles.scan(self.dim, &block, offsets, asked, &mut feed)?;
                }
            }
        }
        Ok(())
    }

    fn finish(
        &self,
        collector: Collector,
        query: &Query,
        vector: &[f32],
    ) -> Result<(Vec<Hit>, usize), Damage> {
        let (rows, reranked) = collector.finish(
            |row| self.rows.row(row),
            |row, values| self.rows.score(query, vector, row, values),
        )?;
        Ok((self.rows.hits(&rows)?, reranked))
    }

    /// Answers plain queries (no region, prior or selection) together, block by block.
    pub(super) fn search_plain(&self, queries: &[&Query]) -> Result<Vec<Hits>, SearchError> {
        let vectors = combined_all(queries, 0, self.dim)?;
        let codes: Vec<QueryCode> = vectors
            .iter()
            .map(|vector| QueryCode::new(vector, self.kernel))
            .collect();
        let asked: Vec<Asked<'_>> = codes.iter().map(QueryCode::asked).collect();
        let mut collectors: Vec<Collector> = queries
            .iter()
            .map(|query| Collector::new(query.k.min(self.len()).max(1)))
            .collect();
        scan_rows(&self.rows.head, &vectors, |query, at, score, slack| {
            if let Some(collector) = collectors.get_mut(query) {
                collector.push(head_row(at), score, slack);
            }
        });
        let mut room = Scratch::default();
        for (number, segment) in self.rows.sealed.iter().enumerate() {
            let all = 0..segment.store.len;
            for block in blocks(&all, self.dim, BATCH_BLOCK) {
                let feed = |collector| Feed {
                    collector,
                    segment: number as u32,
                    range: all.clone(),
                    dead: &segment.store.dead,
                    keep: None,
                };
                let tiles = &segment.tiles;
                if asked.len() < GROUP {
                    for (asked, collector) in asked.iter().zip(&mut collectors) {
                        let asked = (self.kernel, *asked);
                        tiles.scan(self.dim, &block, None, asked, &mut feed(collector))?;
                    }
                    continue;
                }
                let scan = Scan {
                    tiles: tiles.whole(self.dim, &block, self.kernel, &mut room)?,
                    padded: padded(self.dim),
                    first_row: block.start * TILE_ROWS,
                    offsets: None,
                };
                for (asked, group) in asked.chunks(GROUP).zip(collectors.chunks_mut(GROUP)) {
                    let mut feeds: Vec<Feed<'_>> = group.iter_mut().map(feed).collect();
                    scan_group(self.kernel, &scan, asked, &mut feeds);
                }
            }
        }
        let mut out = Vec::with_capacity(queries.len());
        for ((collector, vector), query) in collectors.into_iter().zip(&vectors).zip(queries) {
            let (hits, reranked) = self.finish(collector, query, vector)?;
            out.push(Hits {
                hits,
                exact: true,
                reranked,
            });
        }
        Ok(out)
    }
}

/// The tiles that hold a range of rows, cut into blocks of about `bytes`; each block a range of tiles.
fn blocks(
    rows: &Range<usize>,
    dim: usize,
    bytes: usize,
) -> impl Iterator<Item = Range<usize>> + use<> {
    let step = (bytes / tile_bytes(dim)).max(1);
    let (first, end) = (rows.start / TILE_ROWS, rows.end.div_ceil(TILE_ROWS));
    (first..end)
        .step_by(step)
        .map(move |start| start..(start + step).min(end))
}
