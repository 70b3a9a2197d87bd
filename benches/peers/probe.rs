//! The side of the library in the comparison with other engines (`search.sh`).
//!
//! `search_probe DIR` reads `base.f32`, `query.f32` and `meta.txt` (rows, dimension, queries) from a
//! folder, then answers one command a line on standard input with one JSON object a line. Times are
//! CPU seconds of the calling thread.

mod reading;

use std::io::{BufRead, Write};
use std::path::Path;

use geoloc_geo_cells::{CellId, LatLng, Level};
use geoloc_retrieval::{
    DensityEstimator, FlatIndex, FusedIndex, FusedTable, Grouping, Hits, IvfConfig, IvfIndex,
    Kernel, ListCodes, Place, Query, Region, Rows, VectorIndex, VectorIndexMut, Weighting,
};
use reading::Array;
use rustix::time::{ClockId, clock_gettime};

type Failure = Box<dyn std::error::Error>;

fn cpu() -> f64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// CPU seconds of the whole process.
fn all_cpu() -> f64 {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

fn wall() -> f64 {
    let t = clock_gettime(ClockId::Monotonic);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// Row i in one of a thousand cells of level 5, by i modulo 1000: places that know nothing of vectors.
fn place_of(i: usize) -> Result<Place, Failure> {
    let (a, b) = ((i % 1000) as f64, (i / 1000 % 1000) as f64);
    let location = LatLng::new(-60.0 + 0.12 * a + 1e-7 * b, -170.0 + 0.34 * a)?;
    Ok(location.into())
}

fn floats(path: &Path) -> Result<Vec<f32>, Failure> {
    let bytes = std::fs::read(path)?;
    let values = bytes.as_chunks::<4>().0;
    Ok(values.iter().map(|v| f32::from_le_bytes(*v)).collect())
}

struct Probe {
    dim: usize,
    base: Vec<f32>,
    queries: Vec<f32>,
    folder: std::path::PathBuf,
    flat: Option<FlatIndex>,
    lists: Option<IvfIndex>,
    fused: Option<FusedIndex>,
    /// What is read to measure reading.
    array: Option<Array>,
}

impl Probe {
    fn query(&self, i: usize, k: usize) -> Query {
        let count = self.queries.len() / self.dim;
        let at = i % count * self.dim;
        Query::new(&self.queries[at..at + self.dim]).k(k)
    }

    /// `read BYTES COUNT`: adds up as many bytes, so many times: what a scan of them can reach at most.
    fn read(&mut self, words: &[&str]) -> Result<String, Failure> {
        let size = words[0].parse()?;
        let mut array = match self.array.take() {
            Some(array) if array.size() == size => array,
            _ => Array::new(size)?,
        };
        let (seconds, how) = array.read(words[1].parse()?, cpu)?;
        self.array = Some(array);
        Ok(format!("{{\"seconds\":{seconds:.9},\"how\":\"{how}\"}}"))
    }

    /// `flat BATCH COUNT [KERNEL]`: exact top 10.
    fn flat(&mut self, words: &[&str]) -> Result<String, Failure> {
        let (batch, count): (usize, usize) = (words[0].parse()?, words[1].parse()?);
        let kernel = match words.get(2) {
            Some(&"avx2") => Kernel::Avx2,
            Some(&"portable") => Kernel::Portable,
            _ => Kernel::detect(),
        };
        let mut index = match self.flat.take() {
            Some(index) => index,
            None => FlatIndex::new(self.dim)?,
        };
        let mut build = 0.0;
        if index.is_empty() {
            let start = cpu();
            index.add(&Rows::new(&self.base))?;
            index.seal()?;
            build = cpu() - start;
        }
        let index = index.with_kernel(kernel);
        let queries: Vec<Query> = (0..count).map(|i| self.query(i, 10)).collect();
        let start = cpu();
        let mut answers = Vec::with_capacity(count);
        for group in queries.chunks(batch) {
            if batch == 1 {
                answers.push(index.search(&group[0])?);
            } else {
                answers.extend(index.search_batch(group)?);
            }
        }
        let seconds = (cpu() - start) / count as f64;
        let mut reranked: Vec<usize> = answers.iter().map(|a| a.reranked).collect();
        reranked.sort_unstable();
        let ids: Vec<Vec<u64>> = answers.iter().map(Hits::ids).collect();
        self.flat = Some(index);
        Ok(format!(
            "{{\"seconds\":{seconds:.9},\"build\":{build:.3},\"reranked\":{},\"ids\":{ids:?}}}",
            reranked[count / 2]
        ))
    }

    /// The places that `data.py` gives the rows.
    fn places(&self) -> Result<Vec<Place>, Failure> {
        let bytes = std::fs::read(self.folder.join("place.f64"))?;
        let degrees = bytes.as_chunks::<8>().0.as_chunks::<2>().0;
        let place = |[lat, lng]: &[[u8; 8]; 2]| -> Result<Place, Failure> {
            let location = LatLng::new(f64::from_le_bytes(*lat), f64::from_le_bytes(*lng))?;
            Ok(location.into())
        };
        degrees.iter().map(place).collect()
    }

    /// `build CODES LISTS [GROUPING]`: a list index; CPU seconds of all threads.
    fn build(&mut self, words: &[&str]) -> Result<String, Failure> {
        let codes = match words[0] {
            "int8" => ListCodes::Int8,
            "one_bit" => ListCodes::OneBit,
            _ => ListCodes::FourBit,
        };
        self.lists = None;
        let grouping = match words.get(2) {
            Some(&"cells") => Grouping::Cells,
            _ => Grouping::Means,
        };
        let config = IvfConfig {
            grouping,
            codes,
            lists: Some(words[1].parse()?),
            ..IvfConfig::default()
        };
        let mut index = IvfIndex::new(self.dim, config)?;
        if words.len() > 2 {
            index.add(&Rows::new(&self.base).with_places(&self.places()?))?;
        } else {
            index.add(&Rows::new(&self.base))?;
        }
        let start = all_cpu();
        index.seal()?;
        let seconds = all_cpu() - start;
        let bytes = index.code_bytes() as f64 / index.len() as f64;
        self.lists = Some(index);
        Ok(format!("{{\"seconds\":{seconds:.3},\"bytes\":{bytes:.1}}}"))
    }

    /// `ivf PROBES RERANK COUNT [together]`: top 10 of the list index, one query a call or all in one.
    fn ivf(&mut self, words: &[&str]) -> Result<String, Failure> {
        let numbers = words.iter().take(3).map(|w| w.parse());
        let numbers: Vec<usize> = numbers.collect::<Result<_, _>>()?;
        let queries: Vec<Query> = (0..numbers[2])
            .map(|i| self.query(i, 10).probes(numbers[0]).rerank(numbers[1]))
            .collect();
        let index = self.lists.as_ref().ok_or("build first")?;
        if words.len() > 3 {
            let start = cpu();
            let answers = index.search_batch(&queries)?;
            return Ok(told(cpu() - start, &answers));
        }
        timed(&queries, |query| Ok(index.search(query)?))
    }

    /// `unsealed COUNT`: exact top 10 of 100,000 rows that are not sealed, one query a call and all in one.
    fn unsealed(&mut self, words: &[&str]) -> Result<String, Failure> {
        let count: usize = words[0].parse()?;
        let mut index = FlatIndex::new(self.dim)?;
        let rows = (100_000 * self.dim).min(self.base.len());
        index.add(&Rows::new(&self.base[..rows]))?;
        let queries: Vec<Query> = (0..count).map(|i| self.query(i, 10)).collect();
        let start = cpu();
        let alone = queries.iter().map(|query| index.search(query));
        let alone = alone.collect::<Result<Vec<_>, _>>()?;
        let middle = cpu();
        let together = index.search_batch(&queries)?;
        let end = cpu();
        if alone.iter().zip(&together).any(|(a, b)| a.hits != b.hits) {
            return Err("the batch answers otherwise".into());
        }
        let each = |seconds: f64| seconds / count as f64;
        Ok(format!(
            "{{\"alone\":{:.9},\"together\":{:.9}}}",
            each(middle - start),
            each(end - middle)
        ))
    }

    /// `threads BATCH COUNT`: exact top 10 on two threads; wall seconds.
    fn threads(&mut self, words: &[&str]) -> Result<String, Failure> {
        let (batch, count): (usize, usize) = (words[0].parse()?, words[1].parse()?);
        let queries: Vec<Query> = (0..count).map(|i| self.query(i, 10)).collect();
        let index = self.flat.as_ref().ok_or("flat first")?;
        let half = queries.split_at(count / 2);
        let start = wall();
        std::thread::scope(|scope| {
            for part in [half.0, half.1] {
                scope.spawn(move || {
                    for group in part.chunks(batch) {
                        let _ = index.search_batch(group);
                    }
                });
            }
        });
        Ok(format!(
            "{{\"seconds\":{:.9}}}",
            (wall() - start) / count as f64
        ))
    }

    /// `region COUNT`: exact top 10 within a region of 1 % of the rows.
    fn region(&mut self, words: &[&str]) -> Result<String, Failure> {
        let n = self.base.len() / self.dim;
        let places: Vec<Place> = (0..n).map(place_of).collect::<Result<_, _>>()?;
        let mut index = FlatIndex::new(self.dim)?;
        index.add(&Rows::new(&self.base).with_places(&places))?;
        index.seal()?;
        // Ten of the thousand places: 1 %.
        let level = Level::new(12)?;
        let cells: Vec<CellId> = (0..10)
            .filter_map(|a| places.get(a)?.cell?.parent(level))
            .collect();
        let region = Region::cells(&cells);
        let kept = places.iter().filter(|place| region.contains(place)).count();
        let queries: Vec<Query> = (0..words[0].parse()?)
            .map(|i| self.query(i, 10).region(region.clone()))
            .collect();
        let answer = timed(&queries, |query| Ok(index.search(query)?))?;
        Ok(answer.replacen('{', &format!("{{\"kept\":{kept},"), 1))
    }

    /// `open`: from the file name to the first answer.
    fn open(&mut self) -> Result<String, Failure> {
        let path = self.folder.join("flat.index");
        if !path.exists() {
            let mut index = self.flat.take().ok_or("flat first")?;
            index.save(&path)?;
            self.flat = Some(index);
        }
        let query = self.query(0, 10);
        let start = all_cpu();
        let index = FlatIndex::open(&path)?;
        let opened = all_cpu() - start;
        let hits = index.search(&query)?;
        let seconds = all_cpu() - start;
        let ids = [hits.ids()];
        Ok(format!(
            "{{\"seconds\":{seconds:.9},\"open\":{opened:.9},\"ids\":{ids:?}}}"
        ))
    }

    /// `fused COUNT`: exact top 10 of `aerial + 0.7 prototype`: the first rows are the prototypes, one for
    /// each four of the others.
    fn fused(&mut self, words: &[&str]) -> Result<String, Failure> {
        let n = self.base.len() / self.dim;
        let (m, level) = (n / 5, Level::new(14)?);
        if self.fused.is_none() {
            let spread = |i: usize| -> Result<CellId, Failure> {
                let i = i as f64;
                let leaf = LatLng::new(
                    (i * 0.618_033_988_75).fract() * 160.0 - 80.0,
                    i * 360.0 / m as f64,
                )?;
                Ok(CellId::from_lat_lng(leaf)
                    .parent(level)
                    .ok_or("no parent")?)
            };
            let parents: Vec<CellId> = (0..m).map(spread).collect::<Result<_, _>>()?;
            let mut places = Vec::new();
            for parent in &parents {
                for cell in parent.children().ok_or("no children")? {
                    places.push(Place {
                        location: cell.center(),
                        cell: Some(cell),
                    });
                }
            }
            let (prototypes, aerial) = self.base.split_at(m * self.dim);
            let aerial = &aerial[..4 * m * self.dim];
            let table = FusedTable::new(self.dim, (&parents, prototypes), (&places, aerial))?;
            self.fused = Some(FusedIndex::new(&table)?);
        }
        let queries: Vec<Query> = (0..words[0].parse()?)
            .map(|i| self.query(i, 10).weights(&[1.0, 0.7]))
            .collect();
        let index = self.fused.as_ref().ok_or("no index")?;
        timed(&queries, |query| Ok(index.search(query)?))
    }

    /// `estimate COUNT`: top 100 hits to suppression (1 km) to one place, without the search.
    fn estimate(&mut self, words: &[&str]) -> Result<String, Failure> {
        let count: usize = words[0].parse()?;
        let mut small = FlatIndex::new(self.dim)?;
        let places: Vec<Place> = (0..100)
            .map(|i| place_of(i * 37))
            .collect::<Result<_, _>>()?;
        small.add(&Rows::new(&self.base[..100 * self.dim]).with_places(&places))?;
        let query = self.query(0, 100);
        let estimator = DensityEstimator {
            sigma_km: 100.0,
            weighting: Weighting::Softmax { temperature: 0.1 },
            snap_km: None,
        };
        let plain = small.search(&query)?;
        let mut kept = 0.0;
        let start = cpu();
        for _ in 0..count {
            let distinct = plain.clone().distinct_places(1.0, 100);
            kept += estimator.estimate(&distinct)?.radius50_km;
        }
        let seconds = (cpu() - start) / count as f64;
        Ok(format!(
            "{{\"seconds\":{seconds:.9},\"radius\":{}}}",
            kept / count as f64
        ))
    }
}

/// Searches one query at a time.
fn timed(
    queries: &[Query],
    search: impl Fn(&Query) -> Result<Hits, Failure>,
) -> Result<String, Failure> {
    let start = cpu();
    let answers = queries.iter().map(search).collect::<Result<Vec<_>, _>>()?;
    Ok(told(cpu() - start, &answers))
}

/// Seconds per query, the median of rows scored in full, and the ids, as JSON.
fn told(seconds: f64, answers: &[Hits]) -> String {
    let seconds = seconds / answers.len() as f64;
    let ids: Vec<Vec<u64>> = answers.iter().map(Hits::ids).collect();
    let mut reranked: Vec<usize> = answers.iter().map(|a| a.reranked).collect();
    reranked.sort_unstable();
    let median = reranked[reranked.len() / 2];
    format!("{{\"seconds\":{seconds:.9},\"reranked\":{median},\"ids\":{ids:?}}}")
}

fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).ok_or("a folder is needed")?;
    let folder = Path::new(&folder);
    let meta = std::fs::read_to_string(folder.join("meta.txt"))?;
    let numbers: Vec<usize> = meta
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let mut probe = Probe {
        dim: numbers[1],
        base: floats(&folder.join("base.f32"))?,
        queries: floats(&folder.join("query.f32"))?,
        folder: folder.to_path_buf(),
        flat: None,
        lists: None,
        fused: None,
        array: None,
    };
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.split_first() {
            Some((&"flat", rest)) => probe.flat(rest)?,
            Some((&"build", rest)) => probe.build(rest)?,
            Some((&"ivf", rest)) => probe.ivf(rest)?,
            Some((&"unsealed", rest)) => probe.unsealed(rest)?,
            Some((&"threads", rest)) => probe.threads(rest)?,
            Some((&"region", rest)) => probe.region(rest)?,
            Some((&"open", _)) => probe.open()?,
            Some((&"fused", rest)) => probe.fused(rest)?,
            Some((&"estimate", rest)) => probe.estimate(rest)?,
            Some((&"read", rest)) => probe.read(rest)?,
            Some((&"quit", _)) | None => break,
            Some((other, _)) => return Err(format!("unknown command {other}").into()),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
