//! The search core: exact, listed, restricted to a region, and a guard of its kernels.
//!
//! The guard compares exact search with an f32 matrix product in the same process, so that it holds on
//! shared machines where times wander: it prints one JSON line and fails below a wide margin.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark may stop"
)]

use criterion::{Criterion, criterion_group};
use geoloc_geo_cells::{Cap, LatLng};
use geoloc_retrieval::{
    FlatIndex, IvfConfig, IvfIndex, Kernel, ListCodes, Place, Query, Region, Rows, VectorIndex,
    VectorIndexMut,
};
use rustix::time::{ClockId, clock_gettime};

const DIM: usize = 128;
const ROWS: usize = 100_000;

/// Unit vectors around 500 centres, seeded.
fn vectors(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut unit = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    let centres: Vec<f32> = (0..500 * DIM).map(|_| unit()).collect();
    let mut out = Vec::with_capacity(n * DIM);
    for i in 0..n {
        let centre = &centres[i % 500 * DIM..][..DIM];
        let row: Vec<f32> = centre.iter().map(|c| c + unit()).collect();
        let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        out.extend(row.iter().map(|v| v / norm));
    }
    out
}

fn places(n: usize) -> Vec<Place> {
    let degrees = |i: usize, step: f64, most: f64| (i as f64 * step).fract() * 2.0 * most - most;
    (0..n)
        .map(|i| {
            LatLng::new(degrees(i, 0.618_034, 90.0), degrees(i, 0.754_878, 180.0))
                .unwrap()
                .into()
        })
        .collect()
}

fn flat() -> FlatIndex {
    let mut index = FlatIndex::new(DIM).unwrap();
    let places = places(ROWS);
    index
        .add(&Rows::new(&vectors(ROWS, 1)).with_places(&places))
        .unwrap();
    index.seal().unwrap();
    index
}

fn queries() -> Vec<Query> {
    vectors(64, 2).chunks_exact(DIM).map(Query::new).collect()
}

fn search(criterion: &mut Criterion) {
    let queries = queries();
    let mut group = criterion.benchmark_group("retrieval/search");
    group.sample_size(20);
    for kernel in Kernel::available() {
        let index = flat().with_kernel(kernel);
        group.bench_function(format!("flat/{kernel:?}/100k"), |b| {
            b.iter(|| index.search(&queries[0]).unwrap());
        });
    }
    let index = flat();
    group.bench_function("flat/batch 64/100k", |b| {
        b.iter(|| index.search_batch(&queries).unwrap());
    });
    let cap = Cap::new(LatLng::new(48.0, 2.0).unwrap(), 1000.0);
    let inside = queries[0].clone().region(Region::cap(&cap).unwrap());
    group.bench_function("flat/cap of 1000 km/100k", |b| {
        b.iter(|| index.search(&inside).unwrap());
    });
    let distinct = queries[0].clone().k(50).diversity_radius_km(100.0);
    group.bench_function("flat/50 places 100 km apart/100k", |b| {
        b.iter(|| index.search(&distinct).unwrap());
    });
    for codes in [ListCodes::Int8, ListCodes::FourBit, ListCodes::OneBit] {
        let config = IvfConfig {
            codes,
            rounds: 4,
            ..IvfConfig::default()
        };
        let mut index = IvfIndex::new(DIM, config).unwrap();
        index.add(&Rows::new(&vectors(ROWS, 1))).unwrap();
        index.seal().unwrap();
        group.bench_function(format!("lists/{codes:?}/100k"), |b| {
            b.iter(|| index.search(&queries[0]).unwrap());
        });
    }
}

fn cpu() -> f64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// All scores as an f32 product: the arithmetic of a library without codes.
fn product(rows: &[f32], queries: &[f32], scores: &mut [f32]) {
    let (n, m) = (rows.len() / DIM, queries.len() / DIM);
    assert_eq!(scores.len(), n * m);
    #[allow(unsafe_code, reason = "the product takes pointers")]
    // SAFETY: `rows` is [n, DIM] and `queries` [m, DIM], row-major; `scores` takes n x m, column-major.
    unsafe {
        gemm::gemm(
            n,
            m,
            DIM,
            scores.as_mut_ptr(),
            n as isize,
            1,
            false,
            rows.as_ptr(),
            1,
            DIM as isize,
            queries.as_ptr(),
            DIM as isize,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// CPU time of exact search against an f32 product, interleaved, minimum of rounds.
fn guard() -> bool {
    let (rows, asked, index, queries) = (vectors(ROWS, 1), vectors(64, 2), flat(), queries());
    let mut holds = true;
    for (batch, least) in [(1usize, 1.5), (64, 2.5)] {
        let mut scores = vec![0f32; ROWS * batch];
        let (mut ours, mut peer) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..12 {
            let start = cpu();
            index.search_batch(&queries[..batch]).unwrap();
            ours = ours.min(cpu() - start);
            let start = cpu();
            product(&rows, &asked[..batch * DIM], &mut scores);
            peer = peer.min(cpu() - start);
        }
        let ratio = peer / ours;
        holds &= ratio >= least;
        println!(
            "{{\"measure\":\"guard: 100k x 128, batch {batch}\",\"ours\":{:.9},\"peer\":{:.9},\"peer_name\":\"gemm f32 product, without selection\",\"ratio\":{ratio:.3},\"recall\":1.0,\"target\":{least},\"holds\":{}}}",
            ours / batch as f64,
            peer / batch as f64,
            ratio >= least,
        );
    }
    holds
}

criterion_group!(benches, search);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    if !guard() {
        std::process::exit(1);
    }
}
