//! What a training step on a prototype table costs as the table grows; the table is in a mapped file.
//!
//! ```text
//! cargo run --release -p geoloc-heads --example prototype_step
//! cargo run --release -p geoloc-heads --example prototype_step -- --rows 10000,5500000 --fill
//! ```
//!
//! Each step: a batch of random queries with random target rows, one ring of spatial neighbours of each
//! as hard negatives, rows drawn evenly; loss, gradients, row-sparse Adam. With `--fill` every row has
//! been written before, so that the whole file is on the disk. The last line is one JSON object.

#![allow(clippy::print_stdout, reason = "examples talk to people")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use geoloc_geo_cells::{CellId, LatLng, Level};
use geoloc_heads::prototype_table::{BatchGradients, Candidates, PrototypeTable, TableConfig};

type Failure = Box<dyn std::error::Error>;

struct Args {
    rows: Vec<usize>,
    dim: usize,
    batch: usize,
    uniform: usize,
    steps: u64,
    fill: bool,
    folder: String,
}

fn parse() -> Result<Args, Failure> {
    let mut args = Args {
        rows: vec![10_000, 100_000, 1_000_000, 5_500_000],
        dim: 128,
        batch: 256,
        uniform: 4096,
        steps: 40,
        fill: false,
        folder: "target/geoloc/prototype_step".to_owned(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        if name == "--fill" {
            args.fill = true;
            continue;
        }
        let value = given
            .next()
            .ok_or_else(|| format!("{name} takes a value"))?;
        match name.as_str() {
            "--rows" => args.rows = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--dim" => args.dim = value.parse()?,
            "--batch" => args.batch = value.parse()?,
            "--uniform" => args.uniform = value.parse()?,
            "--steps" => args.steps = value.parse()?,
            "--folder" => args.folder = value,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(args)
}

fn main() -> Result<(), Failure> {
    let args = parse()?;
    std::fs::create_dir_all(&args.folder)?;
    println!(
        "batch {}, {} rows drawn, 1 ring, {}-d, {} steps each{}",
        args.batch,
        args.uniform,
        args.dim,
        args.steps,
        if args.fill {
            ", all rows written before"
        } else {
            ""
        }
    );
    println!(
        "      rows  candidates  CPU ms/step  wall ms/step  page faults  from disk  resident MB"
    );
    let mut lines = String::new();
    for &rows in &args.rows {
        let path = Path::new(&args.folder).join("table");
        for name in ["table", "table.undo0", "table.undo1"] {
            // Left by a run that was stopped.
            let _ = std::fs::remove_file(path.with_file_name(name));
        }
        let table = PrototypeTable::create(&path, cells(rows)?, TableConfig::new(args.dim))?;
        measure(&args, table, &mut lines)?;
        for name in ["table", "table.undo0", "table.undo1"] {
            std::fs::remove_file(path.with_file_name(name))?;
        }
    }
    println!(
        "{{\"fill\":{},\"dim\":{},\"steps\":[{lines}]}}",
        args.fill, args.dim
    );
    Ok(())
}

fn measure(args: &Args, mut table: PrototypeTable, lines: &mut String) -> Result<(), Failure> {
    let rows = table.len();
    if args.fill {
        fill(&mut table)?;
    }
    table.checkpoint(0)?;
    let (mut candidates, mut before, mut start) = (0, [0.0; 3], Instant::now());
    // The first steps are not counted: they grow buffers.
    for step in 0..args.steps + 5 {
        if step == 5 {
            (candidates, before, start) = (0, usage(), Instant::now());
        }
        let queries = unit_rows(args.batch, args.dim, step);
        let pick = |j: usize| (mix((step << 20) | j as u64) % rows as u64) as usize;
        let targets: Vec<usize> = (0..args.batch).map(pick).collect();
        let sampled = Candidates::Sampled {
            uniform: args.uniform,
            rings: 1,
            seed: step,
        };
        let gradients = table.loss(&queries, &targets, &sampled)?;
        candidates += gradients.rows.len();
        table.update(&gradients, 1e-3)?;
    }
    let wall = 1e3 * start.elapsed().as_secs_f64() / args.steps as f64;
    let after = usage();
    let each = |k: usize| (after[k] - before[k]) / args.steps as f64;
    let (cpu, small, large) = (1e3 * each(0), each(1), each(2));
    let candidates = candidates as f64 / args.steps as f64;
    let resident = resident_mb();
    println!(
        "{rows:>10}  {candidates:>10.0}  {cpu:>11.1}  {wall:>12.1}  {small:>11.0}  {large:>9.1}  {resident:>11.0}"
    );
    if !lines.is_empty() {
        lines.push(',');
    }
    write!(
        lines,
        "{{\"rows\":{rows},\"candidates\":{candidates},\"cpu_ms\":{cpu:.3},\"wall_ms\":{wall:.3},\
         \"faults\":{small},\"disk_faults\":{large},\"resident_mb\":{resident:.0}}}"
    )?;
    Ok(())
}

/// Touches every row once, and checkpoints, so that all of the file is written.
fn fill(table: &mut PrototypeTable) -> Result<(), Failure> {
    let dim = table.config().dim;
    for start in (0..table.len()).step_by(1 << 17) {
        let rows: Vec<usize> = (start..(start + (1 << 17)).min(table.len())).collect();
        let gradients = BatchGradients {
            loss: 0.0,
            losses: Vec::new(),
            queries: Vec::new(),
            row_gradients: unit_rows(rows.len(), dim, start as u64),
            rows,
            scale: 0.0,
        };
        table.update(&gradients, 1e-3)?;
        table.checkpoint(0)?;
    }
    Ok(())
}

/// Cells of level 15 in the order of the curve.
fn cells(rows: usize) -> Result<Vec<CellId>, Failure> {
    let start = CellId::from_lat_lng(LatLng::new(36.0, -9.0)?);
    let first = start.parent(Level::try_from(15)?).ok_or("no parent")?.raw();
    let step = (first & first.wrapping_neg()) << 1;
    let cell = |k: u64| CellId::try_from(first + k * step);
    Ok((0..rows as u64).map(cell).collect::<Result<_, _>>()?)
}

fn unit_rows(rows: usize, dim: usize, seed: u64) -> Vec<f32> {
    let number = |k: usize| (mix(mix(seed) ^ k as u64) >> 40) as f32 / 8_388_608.0 - 1.0;
    let mut out: Vec<f32> = (0..rows * dim).map(number).collect();
    for row in out.chunks_exact_mut(dim) {
        let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        for v in row {
            *v /= length;
        }
    }
    out
}

fn mix(mut z: u64) -> u64 {
    z = (z.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// CPU seconds, page faults and page faults that read the disk, of this process (Linux; zeros elsewhere).
fn usage() -> [f64; 3] {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields after the name in parentheses, from the third on; times are in hundredths of a second.
    let fields: Vec<f64> = text
        .rsplit(')')
        .next()
        .into_iter()
        .flat_map(str::split_whitespace)
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    let field = |k: usize| fields.get(k).copied().unwrap_or(0.0);
    [(field(11) + field(12)) / 100.0, field(7), field(9)]
}

fn resident_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
