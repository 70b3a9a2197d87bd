//! The graph of the usearch library, with typed errors and as many callers as come.

use std::fmt;
use std::num::NonZero;
use std::sync::{Condvar, Mutex, PoisonError};

use rayon::prelude::*;
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use crate::error::{EngineError, EngineFailure};

use super::{GraphPrecision, HnswConfig};

/// A graph whose nodes have keys of 64 bits.
pub(super) struct Graph {
    index: Index,
    /// Callers that the library has room for at once: it refuses more, so they wait here.
    room: Mutex<usize>,
    free: Condvar,
    threads: usize,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph({} nodes)", self.index.size())
    }
}

impl Graph {
    pub(super) fn new(dim: usize, config: &HnswConfig) -> Result<Self, EngineError> {
        let options = IndexOptions {
            dimensions: dim,
            metric: MetricKind::IP,
            quantization: match config.precision {
                GraphPrecision::F32 => ScalarKind::F32,
                GraphPrecision::Bf16 => ScalarKind::BF16,
            },
            connectivity: config.links,
            expansion_add: config.build_candidates,
            // The number of rows asked for is the number of candidates.
            expansion_search: 1,
            multi: false,
        };
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let graph = Self {
            index: Index::new(&options).map_err(failed)?,
            room: Mutex::new(threads),
            free: Condvar::new(),
            threads,
        };
        graph.reserve(0)?;
        Ok(graph)
    }

    fn reserve(&self, more: usize) -> Result<(), EngineError> {
        self.index
            .reserve_capacity_and_threads(self.index.size() + more, self.threads)
            .map_err(failed)
    }

    /// Runs one call when there is room for it.
    fn in_turn<T>(
        &self,
        call: impl FnOnce(&Index) -> Result<T, cxx::Exception>,
    ) -> Result<T, EngineError> {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        while *room == 0 {
            room = self.free.wait(room).unwrap_or_else(PoisonError::into_inner);
        }
        *room -= 1;
        drop(room);
        let answer = call(&self.index);
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.free.notify_one();
        answer.map_err(failed)
    }

    pub(super) fn nodes(&self) -> usize {
        self.index.size()
    }

    /// Bytes that the graph and its copy of the vectors take.
    pub(super) fn bytes(&self) -> usize {
        self.index.memory_usage()
    }

    /// Adds rows, all or none; on several threads.
    pub(super) fn add(&mut self, rows: &[(u64, &[f32])]) -> Result<(), EngineError> {
        self.reserve(rows.len())?;
        let added = rows
            .par_iter()
            .try_for_each(|(key, row)| self.in_turn(|index| index.add(*key, row)));
        if added.is_err() {
            for (key, _) in rows {
                // Some of them were not added.
                let _ = self.index.remove(*key);
            }
        }
        added
    }

    /// The keys of about the nearest rows that pass, at most `count`.
    pub(super) fn nearest(
        &self,
        vector: &[f32],
        count: usize,
        pass: Option<&dyn Fn(u64) -> bool>,
    ) -> Result<Vec<u64>, EngineError> {
        let count = count.min(self.nodes());
        if count == 0 {
            return Ok(Vec::new());
        }
        let found = self.in_turn(|index| match pass {
            Some(pass) => index.filtered_search(vector, count, pass),
            None => index.search(vector, count),
        })?;
        Ok(found.keys)
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, EngineError> {
        let mut bytes = vec![0; self.index.serialized_length()];
        self.index.save_to_buffer(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// The library follows the links of the graph without looking where they lead, so the bytes must come from
    /// a trusted writer and have been checked for damage. What can be checked before and after is: the shape of
    /// the vectors, the number of nodes, and that no byte is left over.
    pub(super) fn from_bytes(
        dim: usize,
        config: &HnswConfig,
        rows: usize,
        bytes: &[u8],
    ) -> Result<Self, EngineError> {
        // The library begins with the number of vectors and the bytes of each, and believes both.
        let shape = bytes.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
        let (nodes, width) = shape.map_or((0, 0), |s| (s & 0xffff_ffff, s >> 32));
        let value = match config.precision {
            GraphPrecision::F32 => 4,
            GraphPrecision::Bf16 => 2,
        };
        let held = nodes.saturating_mul(width) <= bytes.len() as u64;
        if !held || (nodes > 0 && width != (value * dim) as u64) {
            return Err(refused("the graph holds vectors of another shape"));
        }
        let graph = Self::new(dim, config)?;
        graph.index.load_from_buffer(bytes).map_err(failed)?;
        graph.index.change_expansion_add(config.build_candidates);
        graph.index.change_expansion_search(1);
        let whole = graph.index.serialized_length() == bytes.len();
        if graph.index.dimensions() != dim || graph.nodes() > rows || !whole {
            return Err(refused("the graph contradicts its header"));
        }
        graph.reserve(0)?;
        Ok(graph)
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the form that map_err hands over"
)]
fn failed(error: cxx::Exception) -> EngineError {
    refused(error.what())
}

pub(super) fn refused(detail: impl Into<String>) -> EngineError {
    EngineError {
        engine: "usearch",
        failure: EngineFailure::Refused,
        detail: detail.into(),
    }
}
