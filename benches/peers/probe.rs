//! The side of the library in the comparison with other engines (`search.sh`).
//!
//! `search_probe DIR` reads `base.f32`, `query.f32` and `meta.txt` (rows, dimension, queries) from a
//! folder, then answers one command a line on standard input with one JSON object a line. Times are
//! CPU seconds of the calling thread.

use std::io::{BufRead, Write};
use std::path::Path;

use geoloc_retrieval::{FlatIndex, Kernel, Query, Rows, VectorIndex, VectorIndexMut};
use rustix::time::{ClockId, clock_gettime};

type Failure = Box<dyn std::error::Error>;

fn cpu() -> f64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
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
    flat: Option<FlatIndex>,
}

impl Probe {
    fn query(&self, i: usize, k: usize) -> Query {
        let count = self.queries.len() / self.dim;
        let at = i % count * self.dim;
        Query::new(&self.queries[at..at + self.dim]).k(k)
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
        let ids: Vec<Vec<u64>> = answers.iter().map(geoloc_retrieval::Hits::ids).collect();
        self.flat = Some(index);
        Ok(format!(
            "{{\"seconds\":{seconds:.9},\"build\":{build:.3},\"reranked\":{},\"ids\":{ids:?}}}",
            reranked[count / 2]
        ))
    }
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
        flat: None,
    };
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.split_first() {
            Some((&"flat", rest)) => probe.flat(rest)?,
            Some((&"quit", _)) | None => break,
            Some((other, _)) => return Err(format!("unknown command {other}").into()),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
