//! Cells, partitions and distances beside their peers in Rust.
//!
//! ```text
//! cargo bench -p geoloc-geo-cells --bench cells
//! ```

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use geo::{Distance as _, Haversine, Point};
use geoloc_geo_cells::{
    AdaptivePartition, CellId, Geometry, Kernel, LatLng, PartitionBuilder, QuadtreePartition,
    distance_matrix_f32_km, distance_matrix_km_with, geodesic_km, haversine_km, leaf_ids_with,
};

#[path = "points.rs"]
mod points;
use points::{clustered, uniform};

fn leaf_ids(c: &mut Criterion) {
    let places = uniform(1 << 16);
    let mut ids = vec![CellId::faces()[0]; places.len()];
    let mut group = c.benchmark_group("cells/leaf_ids");
    group.throughput(Throughput::Elements(places.len() as u64));
    for &kernel in Kernel::available() {
        group.bench_function(BenchmarkId::new(format!("{kernel:?}"), places.len()), |b| {
            b.iter(|| leaf_ids_with(kernel, black_box(&places), &mut ids));
        });
    }
    group.bench_function(BenchmarkId::new("one by one", places.len()), |b| {
        b.iter(|| {
            for (p, id) in black_box(&places).iter().zip(&mut ids) {
                *id = CellId::from_lat_lng(*p);
            }
        });
    });
    group.bench_function(BenchmarkId::new("crate s2 0.2", places.len()), |b| {
        let mut raw = vec![0_u64; places.len()];
        b.iter(|| {
            for (p, id) in black_box(&places).iter().zip(&mut raw) {
                *id = points::s2_leaf(*p);
            }
        });
    });
    group.finish();
}

fn partitions(c: &mut Criterion) {
    let places = clustered(1_000_000);
    let mut leaves = vec![CellId::faces()[0]; places.len()];
    geoloc_geo_cells::leaf_ids(&places, &mut leaves);
    let adaptive = AdaptivePartition {
        split_above: 1000,
        ..AdaptivePartition::default()
    };
    let mut group = c.benchmark_group("cells/partition");
    group.sample_size(10);
    group.bench_function("adaptive/1M", |b| {
        b.iter(|| adaptive.build_from_leaves(black_box(&leaves).clone()));
    });
    group.bench_function("quadtree/1M", |b| {
        b.iter(|| QuadtreePartition::default().build(black_box(&places)));
    });
    for split_above in [1000, 30] {
        let config = AdaptivePartition {
            split_above,
            drop_below: 1,
            ..adaptive
        };
        let Ok((partition, _)) = config.build_from_leaves(leaves.clone()) else {
            continue;
        };
        if let Geometry::Cells(cells) = partition.geometry() {
            let queries = &leaves[..1 << 16];
            group.throughput(Throughput::Elements(queries.len() as u64));
            group.bench_function(BenchmarkId::new("look-up", cells.len()), |b| {
                b.iter(|| {
                    black_box(queries)
                        .iter()
                        .filter_map(|leaf| cells.class_of(*leaf))
                        .sum::<usize>()
                });
            });
        }
    }
    group.finish();
}

fn distances(c: &mut Criterion) {
    let (a, b) = (uniform(256), uniform(4096));
    let pairs = a.len() * b.len();
    let mut km = vec![0.0; pairs];
    let mut km_f32 = vec![0.0_f32; pairs];
    let mut group = c.benchmark_group("cells/distance");
    group.throughput(Throughput::Elements(pairs as u64));
    for &kernel in Kernel::available() {
        group.bench_function(
            BenchmarkId::new(format!("matrix {kernel:?}"), pairs),
            |bench| {
                bench.iter(|| distance_matrix_km_with(kernel, black_box(&a), &b, &mut km));
            },
        );
    }
    group.bench_function(BenchmarkId::new("matrix f32", pairs), |bench| {
        bench.iter(|| distance_matrix_f32_km(black_box(&a), &b, &mut km_f32));
    });
    group.sample_size(10);
    group.bench_function(BenchmarkId::new("haversine_km", pairs), |bench| {
        bench.iter(|| {
            for (k, km) in km.iter_mut().enumerate() {
                *km = haversine_km(a[k / b.len()], b[k % b.len()]);
            }
        });
    });
    let points = |list: &[LatLng]| -> Vec<Point<f64>> {
        list.iter().map(|p| Point::new(p.lng(), p.lat())).collect()
    };
    let (pa, pb) = (points(&a), points(&b));
    group.bench_function(BenchmarkId::new("geo::Haversine", pairs), |bench| {
        bench.iter(|| {
            for (row, p) in km.chunks_exact_mut(pb.len()).zip(&pa) {
                for (km, q) in row.iter_mut().zip(&pb) {
                    *km = Haversine.distance(*p, *q);
                }
            }
        });
    });
    group.throughput(Throughput::Elements(b.len() as u64));
    group.bench_function(BenchmarkId::new("geodesic_km", b.len()), |bench| {
        bench.iter(|| {
            b.iter()
                .map(|q| geodesic_km(black_box(a[0]), *q))
                .sum::<f64>()
        });
    });
    group.finish();
}

criterion_group!(benches, leaf_ids, partitions, distances);
criterion_main!(benches);
