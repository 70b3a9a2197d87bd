//! The measurements of `cells.sh` that need no Python: one JSON object a line.
//!
//! CPU time of the one thread that runs, median of interleaved rounds.
#![allow(clippy::print_stdout, reason = "results are printed")]

use std::hint::black_box;

use geo::{Distance as _, Haversine, Point};
use geoloc_geo_cells::{
    AdaptivePartition, CellFeatures, CellId, GeoclassSetConfig, GeoclassSets, Geometry, Kernel,
    LatLng, distance_matrix_km_with, leaf_ids, leaf_ids_with,
};
use serde_json::json;

#[path = "../points.rs"]
mod points;
use points::{Photos, Stream, clustered, leaves, s2_leaf, uniform};

/// CPU seconds of this thread: the first number of its scheduler statistics, nanoseconds.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns: u64 = text
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or_default();
    ns as f64 * 1e-9
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = cpu_seconds();
    work();
    cpu_seconds() - start
}

/// Medians of rounds in which all run in turn.
fn medians(rounds: usize, work: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut seconds = vec![Vec::new(); work.len()];
    for _ in 0..rounds {
        for (list, work) in seconds.iter_mut().zip(work.iter_mut()) {
            list.push(timed(work));
        }
    }
    seconds
        .into_iter()
        .map(|mut list| {
            list.sort_unstable_by(f64::total_cmp);
            list[list.len() / 2]
        })
        .collect()
}

/// Peak resident memory of this process in GB.
fn peak_gb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap_or_default();
    let kb: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(f64::NAN);
    kb * 1024e-9
}

fn faster(measure: &str, unit: &str, ours: f64, peer: f64, peer_name: &str, target: Option<f64>) {
    let ratio = peer / ours;
    println!(
        "{}",
        json!({
            "measure": measure, "unit": unit, "ours": ours, "peer": peer, "peer_name": peer_name,
            "ratio": ratio, "target": target.map(|t| format!(">= {t}x")),
            "holds": target.map(|t| ratio >= t),
        })
    );
}

fn at_most(measure: &str, unit: &str, ours: f64, target: f64) {
    println!(
        "{}",
        json!({
            "measure": measure, "unit": unit, "ours": ours, "peer": null, "peer_name": null,
            "ratio": null, "target": format!("<= {target} {unit}"), "holds": ours <= target,
        })
    );
}

fn encoder() {
    let places = uniform(1 << 20);
    let n = places.len() as f64;
    for &kernel in Kernel::available() {
        let mut ids = vec![CellId::faces()[0]; places.len()];
        let mut raw = vec![0_u64; places.len()];
        let seconds = medians(
            7,
            &mut [
                &mut || leaf_ids_with(kernel, black_box(&places), &mut ids),
                &mut || {
                    for (p, id) in black_box(&places).iter().zip(&mut raw) {
                        *id = s2_leaf(*p);
                    }
                },
            ],
        );
        let target = match kernel {
            Kernel::Avx2 => Some(5.0),
            Kernel::Avx512 => Some(7.0),
            _ => None,
        };
        let measure = format!("lat/lng to leaf id, batch, {kernel:?}");
        let (ours, peer) = (seconds[0] / n * 1e9, seconds[1] / n * 1e9);
        faster(&measure, "ns a point", ours, peer, "crate s2 0.2.0", target);
        let equal = ids.iter().zip(&raw).filter(|(a, b)| a.raw() == **b).count();
        eprintln!(
            "{kernel:?}: {equal} of {} ids equal those of crate s2",
            raw.len()
        );
    }
}

fn partition() {
    let n = 100_000_000;
    let mut ids = vec![CellId::faces()[0]; n];
    let mut photos = Photos::new();
    let mut chunk = vec![LatLng::default(); 1 << 20];
    let mut seconds = 0.0;
    for ids in ids.chunks_mut(chunk.len()) {
        photos.fill(&mut chunk);
        seconds += timed(|| leaf_ids(&chunk, ids));
    }
    let encode = seconds;
    let config = AdaptivePartition {
        split_above: 20_000,
        ..AdaptivePartition::default()
    };
    let mut built = None;
    seconds += timed(|| built = config.build_from_leaves(ids).ok());
    if let Some((partition, report)) = built {
        eprintln!(
            "{} cells, {} of {n} points placed; {encode:.2} s of it for leaf ids",
            partition.len(),
            report.placed
        );
    }
    at_most(
        "adaptive partition of 100 M clustered points",
        "CPU s",
        seconds,
        5.0,
    );
    at_most(
        "adaptive partition of 100 M clustered points, peak memory",
        "GB",
        peak_gb(),
        1.2,
    );
}

fn lookup() {
    let places = clustered(10_000_000);
    let ids = leaves(&places);
    // Queries from the points, in no order.
    let queries: Vec<CellId> = ids.iter().copied().step_by(10).collect();
    for (wanted, target) in [(13_245, 25.0), (321_053, 70.0)] {
        // The threshold that gives the nearest number of cells.
        let (mut low, mut high) = (1_u64, 100_000_u64);
        let build = |split_above| {
            let config = AdaptivePartition {
                split_above,
                drop_below: 1,
                ..Default::default()
            };
            config.build_from_leaves(ids.clone())
        };
        while high - low > low / 20 + 1 {
            let middle = u64::midpoint(low, high);
            let Ok((partition, _)) = build(middle) else {
                return;
            };
            if partition.len() > wanted {
                low = middle;
            } else {
                high = middle;
            }
        }
        let Ok((partition, _)) = build(high) else {
            return;
        };
        let Geometry::Cells(cells) = partition.geometry() else {
            return;
        };
        let mut found = 0_usize;
        let seconds = medians(
            7,
            &mut [&mut || {
                found = black_box(&queries)
                    .iter()
                    .filter_map(|q| cells.class_of(*q))
                    .count();
            }],
        );
        let ns = seconds[0] / queries.len() as f64 * 1e9;
        eprintln!(
            "{found} of {} found among {} cells",
            queries.len(),
            cells.len()
        );
        let measure = format!("look-up of unsorted points in {} cells", cells.len());
        at_most(&measure, "ns", ns, target);
    }
}

fn distances() {
    let (a, b) = (uniform(10_000), clustered(10_000));
    let to_points = |list: &[LatLng]| -> Vec<Point<f64>> {
        list.iter().map(|p| Point::new(p.lng(), p.lat())).collect()
    };
    let (pa, pb) = (to_points(&a), to_points(&b));
    // Rows go into one block of memory in turn, for both.
    let rows = 500;
    let mut ours = vec![0.0; rows * b.len()];
    let mut theirs = vec![0.0; rows * b.len()];
    for &kernel in Kernel::available() {
        let seconds = medians(
            3,
            &mut [
                &mut || {
                    for chunk in a.chunks(rows) {
                        let _ = distance_matrix_km_with(kernel, chunk, &b, &mut ours);
                        black_box(&ours);
                    }
                },
                &mut || {
                    for chunk in pa.chunks(rows) {
                        for (row, p) in theirs.chunks_exact_mut(pb.len()).zip(chunk) {
                            for (m, q) in row.iter_mut().zip(&pb) {
                                *m = Haversine.distance(*p, *q);
                            }
                        }
                        black_box(&theirs);
                    }
                },
            ],
        );
        let measure = format!("10 k x 10 k distances in f64, {kernel:?}");
        let target = (kernel == Kernel::detect()).then_some(20.0);
        faster(
            &measure,
            "CPU s",
            seconds[0],
            seconds[1],
            "loop over geo::Haversine 0.33.1",
            target,
        );
    }
}

fn geoclasses() {
    let ids = leaves(&clustered(4_000_000));
    let (mut low, mut high) = (1_u64, 10_000_u64);
    let build = |split_above| {
        let config = AdaptivePartition {
            split_above,
            drop_below: 1,
            ..Default::default()
        };
        config.build_from_leaves(ids.clone())
    };
    while high - low > low / 20 + 1 {
        let middle = u64::midpoint(low, high);
        let Ok((partition, _)) = build(middle) else {
            return;
        };
        if partition.len() > 100_000 {
            low = middle;
        } else {
            high = middle;
        }
    }
    let Ok((base, _)) = build(low) else { return };
    let mut stream = Stream(3);
    let values = (0..base.len() * 64).map(|_| stream.next() as f32).collect();
    let Ok(features) = CellFeatures::new(64, values) else {
        return;
    };
    let configs: Vec<GeoclassSetConfig> = [
        (9969, 0.0, 0.5),
        (9969, 1.0, 1.0),
        (12_977, 0.2, 0.2),
        (12_333, 0.5, 2.0),
        (11_262, 2.0, 0.1),
    ]
    .map(|(classes, node_cells, edge_features)| GeoclassSetConfig {
        classes,
        node_cells,
        edge_features,
        features: Some(0),
        ..GeoclassSetConfig::default()
    })
    .to_vec();
    let cells = base.len();
    let mut built = None;
    let seconds = timed(|| built = GeoclassSets::build(base, &configs, &[features]).ok());
    if let Some(sets) = built {
        let sizes: Vec<usize> = (0..5).filter_map(|s| Some(sets.set(s)?.len())).collect();
        eprintln!(
            "sets of {sizes:?} classes make {} fine cells",
            sets.fine().len()
        );
    }
    let measure = format!("CPlaNet: 5 sets from {cells} base cells with 64-d features");
    at_most(&measure, "CPU s", seconds, 60.0);
}

fn main() {
    let parts: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let all: [(&str, fn()); 5] = [
        ("partition", partition),
        ("encoder", encoder),
        ("lookup", lookup),
        ("distances", distances),
        ("geoclasses", geoclasses),
    ];
    for (name, run) in all {
        if parts.is_empty() || parts.iter().any(|p| p == name) {
            run();
        }
    }
}
