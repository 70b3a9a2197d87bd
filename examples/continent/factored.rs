//! Aerial codes and prototypes kept apart, on as many cells as fit in memory.

use geoloc_geo_cells::CellId;
use geoloc_retrieval::{FusedIndex, FusedTable, Place, Query, VectorIndex};
use serde_json::{Value, json};

use crate::Failure;
use crate::codes::Codes;
use crate::exhaustive::{RANKS, dot, same};
use crate::queries::{Planted, recall};
use crate::usage::Clock;

/// Searches the cells of some blocks with both parts, each alone and together, and compares with
/// scoring every row.
pub(crate) fn run(
    codes: &Codes,
    blocks: &[CellId],
    per_block: usize,
    count: usize,
) -> Result<Value, Failure> {
    let dim = codes.dim;
    let (mut cells, mut aerial) = (Vec::new(), Vec::new());
    let (mut parents, mut prototypes) = (Vec::new(), Vec::new());
    for &block in blocks {
        let block = codes.block(block);
        cells.extend(block.cells);
        aerial.extend(block.aerial);
        parents.extend(block.parents);
        prototypes.extend(block.prototypes);
    }
    let place = |&cell: &CellId| Place {
        location: cell.center(),
        cell: Some(cell),
    };
    let places: Vec<Place> = cells.iter().map(place).collect();
    let table = FusedTable::new(dim, (&parents, &prototypes), (&places, &aerial))?;
    let index = FusedIndex::new(&table)?;
    let planted: Vec<Planted> = (0..count as u64)
        .map(|i| Planted::new(codes, blocks, per_block, 1_000_000 + i))
        .collect::<Result<_, _>>()?;
    let mut equal = 0;
    let clock = Clock::start();
    let mut answers = [const { Vec::new() }; 3];
    for planted in &planted {
        for (weights, answers) in [[1.0, 0.0], [0.0, 1.0], [1.0, codes.kappa]]
            .iter()
            .zip(&mut answers)
        {
            let query = Query::new(&planted.vector).weights(weights).k(RANKS);
            answers.push(index.search(&query)?);
        }
    }
    let (_, cpu) = clock.read();
    let [alone, prototypes_alone, fused] = &answers;
    for (planted, hits) in planted.iter().zip(fused) {
        let weighted: Vec<f32> = planted.vector.iter().map(|v| v * codes.kappa).collect();
        let mut all: Vec<(f32, u64)> = aerial
            .chunks_exact(dim)
            .zip(table.parents())
            .enumerate()
            .map(|(i, (a, parent))| {
                let at = parent.map_or(0, |p| p as usize) * dim;
                let p = prototypes.get(at..at + dim).unwrap_or(&[]);
                (
                    (dot(a, &planted.vector) + dot(p, &weighted)) as f32,
                    i as u64,
                )
            })
            .collect();
        all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        all.truncate(RANKS);
        equal += usize::from(same(&hits.hits, &all));
    }
    Ok(json!({
        "rows": cells.len(),
        "queries": count,
        "equal_to_exhaustive": equal,
        "cpu_ms_per_query": 1e3 * cpu / (3 * count.max(1)) as f64,
        "aerial": recall(alone, &planted),
        "prototype": recall(prototypes_alone, &planted),
        "fused": recall(fused, &planted),
    }))
}
