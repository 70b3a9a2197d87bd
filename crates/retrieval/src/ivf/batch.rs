//! Many queries over the lists of an index: each list is read once for all queries that visit it.

use crate::certificate::{Asked, QueryCode};
use crate::error::Damage;
use crate::flat::{Collector, Feed, padded};
use crate::kernels::{GROUP, LowScan, Scan, dot, scan_four_bit_group, scan_group};
use crate::segments::head_row;

use super::ListCodes;
use super::estimates::{EstimateFeed, Estimates};
use super::search::{Ask, Lists, LowQuery, Ranking, length, with};
use super::segment::code_tile_bytes;
use super::visit::Visit;

/// Queries that visit one list in the same wave, by their numbers.
struct Group {
    list: u32,
    asks: Vec<usize>,
}

impl Lists<'_> {
    /// Rankings of queries without region, prior or selection.
    pub(super) fn rankings(&self, asks: &[Ask<'_>]) -> Result<Vec<Ranking>, Damage> {
        let codes: Vec<QueryCode> = asks
            .iter()
            .map(|ask| QueryCode::one_plane(ask.vector, self.kernel))
            .collect();
        let groups = self.groups(asks, &codes);
        match self.codes {
            ListCodes::Int8 => self.certified_batch(asks, &codes, &groups),
            ListCodes::FourBit | ListCodes::OneBit => self.estimated_batch(asks, &groups),
        }
    }

    /// Who visits which list. The nearest list of every query comes first: it raises the floor under
    /// which the rows of all others are passed over.
    fn groups(&self, asks: &[Ask<'_>], codes: &[QueryCode]) -> Vec<Group> {
        let counts = asks.iter().map(|ask| ask.probes);
        let routes = self.router.route(codes, counts, self.kernel);
        let mut visits: Vec<(bool, u32, usize)> = Vec::new();
        for (number, route) in routes.iter().enumerate() {
            let visit = |(rank, &list): (usize, &u32)| (rank > 0, list, number);
            visits.extend(route.iter().enumerate().map(visit));
        }
        visits.sort_unstable();
        visits
            .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
            .map(|group| Group {
                list: group.first().map_or(0, |visit| visit.1),
                asks: group.iter().map(|visit| visit.2).collect(),
            })
            .collect()
    }

    /// The pieces of the list of a group: the same for all its queries.
    fn visits(&self, group: &Group, asks: &[Ask<'_>]) -> Result<Vec<Visit<'_>>, Damage> {
        let mut visits = Vec::new();
        if let Some(ask) = group.asks.first().and_then(|&first| asks.get(first)) {
            Visit::of_list(&self.rows.sealed, group.list, ask.query, &mut visits)?;
        }
        Ok(visits)
    }

    fn certified_batch(
        &self,
        asks: &[Ask<'_>],
        codes: &[QueryCode],
        groups: &[Group],
    ) -> Result<Vec<Ranking>, Damage> {
        let mut collectors: Vec<Option<Collector>> = Vec::with_capacity(asks.len());
        for ask in asks {
            let mut collector = Collector::new(ask.k);
            for (at, score) in self.rows.head.scored(ask.query, ask.vector) {
                collector.push(head_row(at), score, 0.0);
            }
            collectors.push(Some(collector));
        }
        let norms: Vec<f64> = asks.iter().map(|ask| length(ask.vector)).collect();
        for group in groups {
            for visit in self.visits(group, asks)? {
                let mean = visit.segment.mean(visit.list);
                let mean_norm = length(mean);
                let scan = Scan {
                    tiles: visit.tiles(self.codes)?,
                    padded: padded(mean.len()),
                    first_row: visit.rows.start,
                    offsets: None,
                };
                for numbers in group.asks.chunks(GROUP) {
                    let mut taken = take(&mut collectors, numbers);
                    let asked: Vec<Asked<'_>> = numbers
                        .iter()
                        .map(|&i| {
                            let constant = dot(mean, asks[i].vector);
                            codes[i].asked_with(constant, mean_norm * norms[i])
                        })
                        .collect();
                    let mut feeds: Vec<Feed<'_>> = taken
                        .iter_mut()
                        .map(|collector| Feed {
                            collector,
                            segment: visit.number,
                            range: visit.rows.clone(),
                            dead: &visit.segment.store.dead,
                            keep: None,
                        })
                        .collect();
                    scan_group(self.kernel, &scan, &asked, &mut feeds);
                    put_back(&mut collectors, numbers, taken);
                }
            }
        }
        asks.iter()
            .zip(collectors.into_iter().flatten())
            .map(|(ask, collector)| self.settled(collector, ask, ask.probes == self.router.lists))
            .collect()
    }

    fn estimated_batch(&self, asks: &[Ask<'_>], groups: &[Group]) -> Result<Vec<Ranking>, Damage> {
        let codes: Vec<LowQuery> = asks
            .iter()
            .map(|ask| LowQuery::new(ask.vector, self))
            .collect();
        let mut estimates: Vec<Option<Estimates>> = asks
            .iter()
            .map(|ask| Some(Estimates::new(ask.rerank.max(ask.k))))
            .collect();
        for group in groups {
            for visit in self.visits(group, asks)? {
                let mean = visit.segment.mean(visit.list);
                let scan = LowScan {
                    tiles: visit.tiles(self.codes)?,
                    tile_bytes: code_tile_bytes(self.codes, mean.len()),
                    first_row: visit.rows.start,
                };
                for numbers in group.asks.chunks(GROUP) {
                    let mut feeds: Vec<EstimateFeed<'_>> = take(&mut estimates, numbers)
                        .into_iter()
                        .map(|estimates| EstimateFeed {
                            estimates,
                            segment: visit.number,
                            rows: visit.rows.clone(),
                            dead: &visit.segment.store.dead,
                            keep: None,
                            terms: &[],
                            first_row: visit.rows.start,
                            largest_term: 0.0,
                        })
                        .collect();
                    self.scan_low(&scan, mean, numbers, asks, &codes, &mut feeds);
                    let taken = feeds.into_iter().map(|feed| feed.estimates).collect();
                    put_back(&mut estimates, numbers, taken);
                }
            }
        }
        asks.iter()
            .zip(estimates.into_iter().flatten())
            .map(|(ask, estimates)| self.rescored(estimates, ask))
            .collect()
    }

    fn scan_low(
        &self,
        scan: &LowScan<'_>,
        mean: &[f32],
        numbers: &[usize],
        asks: &[Ask<'_>],
        codes: &[LowQuery],
        feeds: &mut [EstimateFeed<'_>],
    ) {
        let constant = |i: usize| dot(mean, asks[i].vector);
        let bytes: Vec<Asked<'_>> = numbers
            .iter()
            .filter_map(|&i| match &codes[i] {
                LowQuery::Bytes(code) => Some(with(code, constant(i))),
                LowQuery::Bits(_) => None,
            })
            .collect();
        if bytes.len() == numbers.len() {
            scan_four_bit_group(self.kernel, scan, &bytes, feeds);
            return;
        }
        for (&i, feed) in numbers.iter().zip(feeds) {
            codes[i].scan(self.kernel, scan, constant(i), feed);
        }
    }
}

/// Takes what belongs to some queries, each of them once.
fn take<T>(all: &mut [Option<T>], numbers: &[usize]) -> Vec<T> {
    numbers.iter().filter_map(|&i| all[i].take()).collect()
}

fn put_back<T>(all: &mut [Option<T>], numbers: &[usize], taken: Vec<T>) {
    for (&i, value) in numbers.iter().zip(taken) {
        all[i] = Some(value);
    }
}
