//! What a training step on a prototype table costs as the table grows; the table is in a mapped file.
//!
//! ```text
//! cargo run --release -p geoloc-heads --example prototype_step
//! cargo run --release -p geoloc-heads --example prototype_step -- --rows 10000,5500000 --again --fresh
//! ```
//!
//! Each step: a batch of random queries with random target rows, one ring of spatial neighbours of each
//! as hard negatives, rows drawn evenly; loss, gradients, row-sparse Adam. In a small table a row is met
//! again within a few steps, when its page is mapped and its old value journalled already; in a large one
//! nearly every row is met for the first time. Two options take that difference away: with `--again` the
//! same steps have been made before and the file opened anew, so that no row is met in a hole of the
//! file, and with `--fresh` a checkpoint is made before each step, outside the time that is measured, so
//! that every row of the step is journalled and every page made writable. The last line is one JSON object.

#![allow(clippy::print_stdout, reason = "examples talk to people")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use geoloc_geo_cells::{CellId, LatLng, Level};
use geoloc_heads::prototype_table::{Candidates, PrototypeTable, TableConfig};

type Failure = Box<dyn std::error::Error>;

struct Args {
    rows: Vec<usize>,
    dim: usize,
    batch: usize,
    uniform: usize,
    steps: u64,
    again: bool,
    fresh: bool,
    folder: String,
}

fn parse() -> Result<Args, Failure> {
    let mut args = Args {
        rows: vec![10_000, 100_000, 1_000_000, 5_500_000],
        dim: 128,
        batch: 256,
        uniform: 4096,
        steps: 40,
        again: false,
        fresh: false,
        folder: "target/geoloc/prototype_step".to_owned(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        if name == "--again" {
            args.again = true;
            continue;
        }
        if name == "--fresh" {
            args.fresh = true;
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
        "batch {}, {} rows drawn, 1 ring, {}-d, {} steps each{}{}",
        args.batch,
        args.uniform,
        args.dim,
        args.steps,
        if args.again { ", all made before" } else { "" },
        if args.fresh {
            ", each after a checkpoint"
        } else {
            ""
        }
    );
    println!(
        "      rows  candidates  CPU ms: loss  update  of both: system   wall ms  page faults  from disk  resident MB"
    );
    let mut lines = String::new();
    for &rows in &args.rows {
        let path = Path::new(&args.folder).join("table");
        for name in ["table", "table.undo0", "table.undo1"] {
            // Left by a run that was stopped.
            let _ = std::fs::remove_file(path.with_file_name(name));
        }
        let mut table = PrototypeTable::create(&path, cells(rows)?, TableConfig::new(args.dim))?;
        let mut cost = steps(&args, &mut table)?;
        if args.again {
            table.checkpoint(0)?;
            drop(table);
            table = PrototypeTable::open(&path)?;
            cost = steps(&args, &mut table)?;
        }
        cost.report(rows, &mut lines)?;
        drop(table);
        for name in ["table", "table.undo0", "table.undo1"] {
            std::fs::remove_file(path.with_file_name(name))?;
        }
    }
    println!(
        "{{\"again\":{},\"fresh\":{},\"dim\":{},\"steps\":[{lines}]}}",
        args.again, args.fresh, args.dim
    );
    Ok(())
}

/// What a step takes on the mean.
struct Cost {
    candidates: f64,
    /// As [`usage`] counts.
    loss: [f64; 5],
    update: [f64; 5],
}

/// Steps on a table. The first five are not counted: they grow buffers.
fn steps(args: &Args, table: &mut PrototypeTable) -> Result<Cost, Failure> {
    let (rows, epoch) = (table.len(), Instant::now());
    table.checkpoint(0)?;
    let mut cost = Cost {
        candidates: 0.0,
        loss: [0.0; 5],
        update: [0.0; 5],
    };
    for step in 0..args.steps + 5 {
        if args.fresh {
            table.checkpoint(step)?;
        }
        let queries = unit_rows(args.batch, args.dim, step);
        let pick = |j: usize| (mix((step << 20) | j as u64) % rows as u64) as usize;
        let targets: Vec<usize> = (0..args.batch).map(pick).collect();
        let sampled = Candidates::Sampled {
            uniform: args.uniform,
            rings: 1,
            seed: step,
        };
        let start = usage(epoch);
        let gradients = table.loss(&queries, &targets, &sampled)?;
        let middle = usage(epoch);
        table.update(&gradients, 1e-3)?;
        let end = usage(epoch);
        if step >= 5 {
            let share = 1.0 / args.steps as f64;
            cost.candidates += share * gradients.rows.len() as f64;
            for k in 0..5 {
                cost.loss[k] += share * (middle[k] - start[k]);
                cost.update[k] += share * (end[k] - middle[k]);
            }
        }
    }
    Ok(cost)
}

impl Cost {
    fn report(&self, rows: usize, lines: &mut String) -> Result<(), Failure> {
        let ms = |part: [f64; 5]| 1e3 * (part[0] + part[1]);
        let both = |k: usize| self.loss[k] + self.update[k];
        let (loss, update, candidates) = (ms(self.loss), ms(self.update), self.candidates);
        let (system, wall) = (1e3 * both(1), 1e3 * both(2));
        let (small, large, resident) = (both(3), both(4), resident_mb());
        println!(
            "{rows:>10}  {candidates:>10.0}  {loss:>12.1}  {update:>6.1}  {system:>15.1}  {wall:>8.1}  \
             {small:>11.0}  {large:>9.0}  {resident:>11.0}"
        );
        if !lines.is_empty() {
            lines.push(',');
        }
        write!(
            lines,
            "{{\"rows\":{rows},\"candidates\":{candidates},\"loss_cpu_ms\":{loss:.3},\
             \"update_cpu_ms\":{update:.3},\"system_cpu_ms\":{system:.3},\"wall_ms\":{wall:.3},\
             \"faults\":{small},\"disk_faults\":{large},\"resident_mb\":{resident:.0}}}"
        )?;
        Ok(())
    }
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

/// CPU seconds of the program and of the system for it, wall seconds since `epoch`, page faults and page
/// faults that read the disk or a hole of the file (Linux; zeros elsewhere but for the wall).
fn usage(epoch: Instant) -> [f64; 5] {
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
    let wall = epoch.elapsed().as_secs_f64();
    [
        field(11) / 100.0,
        field(12) / 100.0,
        wall,
        field(7),
        field(9),
    ]
}

fn resident_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
