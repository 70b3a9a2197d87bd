//! Lists: exact where every list is visited, close where not, and never wrong about what they answer.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod adversary;

use adversary::{Rng, adversarial_row, data, places, prior, regions};
use geoloc_retrieval::{
    BruteForce, Grouping, IvfConfig, IvfIndex, Kernel, ListCodes, Query, Rows, VectorIndex,
    VectorIndexMut,
};
use proptest::prelude::*;

const CODES: [ListCodes; 3] = [ListCodes::Int8, ListCodes::FourBit, ListCodes::OneBit];

fn config(codes: ListCodes, lists: usize) -> IvfConfig {
    IvfConfig {
        codes,
        lists: Some(lists),
        rounds: 3,
        ..IvfConfig::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_lists_and_all_rows_are_exact(
        seed in any::<u64>(),
        n in 1usize..300,
        dim in 1usize..70,
        k in 1usize..30,
        lists in 1usize..20,
        families in prop::collection::vec(0u64..10, 1..5),
    ) {
        let vectors = data(seed, n, dim, &families);
        let places = places(seed, n);
        let mut full = BruteForce::new(dim).unwrap();
        full.add(&Rows::new(&vectors).with_places(&places)).unwrap();
        let mut rng = Rng(seed ^ 1);
        let queries: Vec<Query> = (0..4)
            .map(|i| Query::new(&adversarial_row(&mut rng, dim, &vectors, i)).k(k))
            .collect();
        let cut = n - n / 3;
        let regions = regions(seed, &places);
        let gone: Vec<u64> = (0..n as u64).filter(|_| rng.below(5) == 0).collect();
        for codes in CODES {
            for kernel in Kernel::available() {
                let mut brute = full.clone();
                let mut index = IvfIndex::new(dim, config(codes, lists)).unwrap().with_kernel(kernel);
                for (rows, places) in [
                    (&vectors[..cut * dim], &places[..cut]),
                    (&vectors[cut * dim..], &places[cut..]),
                ] {
                    index.add(&Rows::new(rows).with_places(places)).unwrap();
                    index.seal().unwrap();
                }
                prop_assert_eq!(index.remove(&gone).unwrap(), gone.len());
                brute.remove(&gone).unwrap();
                for query in &queries {
                    let all = query.clone().probes(usize::MAX).rerank(n);
                    for all in [
                        all.clone(),
                        all.clone().region(regions[0].clone()),
                        all.clone().region(regions[1].clone()),
                        all.clone().region(regions[3].clone()),
                        all.clone().diversity_radius_km(1000.0),
                        all.clone().prior(prior(seed), 2.0),
                        all.clone().prior(prior(seed), 0.5).region(regions[2].clone()),
                        all.clone().prior(prior(seed), -1.0).distinct_cells(),
                    ] {
                        let got = index.search(&all).unwrap();
                        prop_assert_eq!(&got.hits, &brute.search(&all).unwrap().hits);
                        prop_assert_eq!(got.exact, codes == ListCodes::Int8);
                    }
                    // Together as one by one, whatever is asked.
                    let mixed = [
                        query.clone().probes(1),
                        all.clone().prior(prior(seed), 1.0),
                        query.clone().probes(2).k(3),
                        all.clone(),
                        query.clone(),
                    ];
                    let together = index.search_batch(&mixed).unwrap();
                    for (one, got) in mixed.iter().zip(&together) {
                        let alone = index.search(one).unwrap();
                        prop_assert_eq!((&got.hits, got.exact), (&alone.hits, alone.exact));
                    }
                    // Few lists: fewer hits at most, with true scores.
                    let few = index.search(&query.clone().probes(1)).unwrap();
                    let truth = brute.search(&query.clone().k(n)).unwrap();
                    for hit in &few.hits {
                        prop_assert!(truth.hits.contains(hit));
                    }
                }
                index.rebuild().unwrap();
                prop_assert_eq!(index.len(), brute.len());
                let all = queries[0].clone().probes(usize::MAX).rerank(n);
                prop_assert_eq!(index.search(&all).unwrap().hits, brute.search(&all).unwrap().hits);
            }
        }
    }
}

#[test]
fn large_batches_answer_as_single_queries_do() {
    let (n, dim) = (6000, 40);
    let (rows, queries) = clusters(n, dim);
    for codes in CODES {
        for kernel in Kernel::available() {
            let mut index = IvfIndex::new(dim, config(codes, 32))
                .unwrap()
                .with_kernel(kernel);
            index.add(&Rows::new(&rows[..5000 * dim])).unwrap();
            index.seal().unwrap();
            index
                .add(&Rows::new(&rows[5000 * dim..5900 * dim]))
                .unwrap();
            index.seal().unwrap();
            index.add(&Rows::new(&rows[5900 * dim..])).unwrap();
            index.remove(&[3, 5001, 5950]).unwrap();
            let queries: Vec<Query> = queries
                .iter()
                .enumerate()
                .map(|(i, query)| Query::new(query).k(1 + i % 12).probes(1 + i % 9))
                .collect();
            let together = index.search_batch(&queries).unwrap();
            assert_eq!(together.len(), queries.len());
            for (query, got) in queries.iter().zip(together) {
                assert_eq!(got.hits, index.search(query).unwrap().hits);
            }
        }
    }
}

#[test]
fn lists_of_cells_are_exact_when_all_are_visited() {
    let (n, dim) = (3000, 24);
    let (rows, queries) = clusters(n, dim);
    let places = places(4, n);
    let mut brute = BruteForce::new(dim).unwrap();
    brute.add(&Rows::new(&rows).with_places(&places)).unwrap();
    let config = IvfConfig {
        grouping: Grouping::Cells,
        ..config(ListCodes::Int8, 20)
    };
    let mut index = IvfIndex::new(dim, config).unwrap();
    let cut = 2500;
    for range in [0..cut, cut..n] {
        let (from, to) = (range.start * dim, range.end * dim);
        index
            .add(&Rows::new(&rows[from..to]).with_places(&places[range]))
            .unwrap();
        index.seal().unwrap();
    }
    assert_eq!(index.lists(), 20);
    for query in queries.iter().step_by(10) {
        let query = Query::new(query).probes(usize::MAX);
        let (got, expected) = (index.search(&query).unwrap(), brute.search(&query).unwrap());
        assert_eq!(got.hits, expected.hits);
        assert!(got.exact);
    }
}

/// Clusters on the sphere; the query is a row with noise.
fn clusters(n: usize, dim: usize) -> (Vec<f32>, Vec<Vec<f32>>) {
    let mut rng = Rng(5);
    let gauss = |rng: &mut Rng| (0..6).map(|_| rng.unit()).sum::<f32>() * 0.7;
    let centres: Vec<Vec<f32>> = (0..200)
        .map(|_| (0..dim).map(|_| gauss(&mut rng)).collect())
        .collect();
    let near = |rng: &mut Rng, centre: &[f32], noise: f32| -> Vec<f32> {
        let x: Vec<f32> = centre.iter().map(|c| c + noise * gauss(rng)).collect();
        let norm = x.iter().map(|v| v * v).sum::<f32>().sqrt();
        x.iter().map(|v| v / norm).collect()
    };
    let mut rows = Vec::new();
    for _ in 0..n {
        let centre = centres[rng.below(200)].clone();
        rows.extend(near(&mut rng, &centre, 0.6));
    }
    let queries = (0..200)
        .map(|_| {
            let at = rng.below(n);
            let row: Vec<f32> = rows[at * dim..(at + 1) * dim]
                .iter()
                .map(|v| v * 10.0)
                .collect();
            near(&mut rng, &row, 0.3)
        })
        .collect();
    (rows, queries)
}

#[test]
fn recall_with_few_probes() {
    let (n, dim, k) = (20_000, 64, 10);
    let (rows, queries) = clusters(n, dim);
    let mut brute = BruteForce::new(dim).unwrap();
    brute.add(&Rows::new(&rows)).unwrap();
    let truth: Vec<f32> = queries
        .iter()
        .map(|query| {
            let hits = brute.search(&Query::new(query).k(k)).unwrap().hits;
            hits.last().unwrap().score - 1e-6
        })
        .collect();
    for codes in CODES {
        let mut index = IvfIndex::new(dim, config(codes, 128)).unwrap();
        index.add(&Rows::new(&rows)).unwrap();
        index.seal().unwrap();
        for kernel in Kernel::available() {
            index = index.with_kernel(kernel);
            let queries: Vec<Query> = queries
                .iter()
                .map(|query| Query::new(query).k(k).probes(12))
                .collect();
            let together = index.search_batch(&queries).unwrap();
            let (mut found, mut scored) = (0, 0);
            for ((query, worst), together) in queries.iter().zip(&truth).zip(together) {
                let got = index.search(query).unwrap();
                assert_eq!(got.hits, together.hits);
                found += got.hits.iter().filter(|hit| hit.score >= *worst).count();
                scored += got.reranked;
                assert!(!got.exact);
            }
            let recall = found as f64 / (k * queries.len()) as f64;
            let scored = scored / queries.len();
            let bytes = index.code_bytes() as f64 / n as f64;
            println!(
                "{codes:?}, {kernel:?}: recall {recall:.3}, {scored} rows scored, {bytes:.1} bytes a row"
            );
            assert!(recall > 0.9, "{codes:?}, {kernel:?}: recall {recall}");
        }
    }
}
