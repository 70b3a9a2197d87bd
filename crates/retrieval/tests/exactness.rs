//! The certified index answers what scoring every row answers, on data made to break it.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod adversary;

use adversary::{Rng, adversarial_row, data, places, prior, regions};
use geoloc_retrieval::{BruteForce, FlatIndex, Kernel, Query, Rows, VectorIndex, VectorIndexMut};
use proptest::prelude::*;

fn compare(flat: &FlatIndex, brute: &BruteForce, query: &Query, what: &str) {
    let (got, expected) = (flat.search(query).unwrap(), brute.search(query).unwrap());
    assert!(got.exact);
    assert_eq!(got.hits, expected.hits, "{what}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flat_equals_brute_force(
        seed in any::<u64>(),
        n in 0usize..400,
        dim in 1usize..70,
        k in 1usize..60,
        families in prop::collection::vec(0u64..10, 1..5),
        sealed in 0.0f64..=1.0,
    ) {
        let vectors = data(seed, n, dim, &families);
        let places = places(seed, n);
        let cut = (n as f64 * sealed) as usize;
        let mut brute = BruteForce::new(dim).unwrap();
        brute.add(&Rows::new(&vectors).with_places(&places)).unwrap();
        let mut rng = Rng(seed ^ 1);
        let mut queries: Vec<Query> = (0..5)
            .map(|i| {
                let vector = adversarial_row(&mut rng, dim, &vectors, i + seed % 7);
                Query::new(&vector).k(k)
            })
            .collect();
        if let Some(row) = vectors.chunks_exact(dim).next() {
            queries.push(Query::new(row).k(k));
        }
        let gone: Vec<u64> = (0..n as u64).filter(|_| rng.next().is_multiple_of(7)).collect();
        let regions = regions(seed, &places);
        let prior = prior(seed);
        for kernel in Kernel::available() {
            let mut brute = brute.clone();
            let mut flat = FlatIndex::new(dim).unwrap().with_kernel(kernel);
            flat.add(&Rows::new(&vectors[..cut * dim]).with_places(&places[..cut])).unwrap();
            flat.seal().unwrap();
            flat.add(&Rows::new(&vectors[cut * dim..]).with_places(&places[cut..])).unwrap();
            for query in &queries {
                compare(&flat, &brute, query, "plain");
                for region in &regions {
                    let query = query.clone().region(region.clone());
                    compare(&flat, &brute, &query, "region");
                    compare(&flat, &brute, &query.prior(prior.clone(), 0.5), "region and prior");
                }
                compare(&flat, &brute, &query.clone().prior(prior.clone(), -3.0), "prior");
                compare(&flat, &brute, &query.clone().diversity_radius_km(2000.0), "diversity");
                compare(&flat, &brute, &query.clone().distinct_cells(), "cells");
            }
            let batch = flat.search_batch(&queries).unwrap();
            for (got, query) in batch.iter().zip(&queries) {
                prop_assert_eq!(&got.hits, &brute.search(query).unwrap().hits);
            }
            prop_assert_eq!(flat.remove(&gone).unwrap(), gone.len());
            prop_assert_eq!(brute.remove(&gone).unwrap(), gone.len());
            prop_assert_eq!(flat.len(), brute.len());
            for query in &queries {
                compare(&flat, &brute, query, "after removal");
            }
            flat.compact().unwrap();
            prop_assert_eq!(flat.len(), brute.len());
            for query in &queries {
                compare(&flat, &brute, query, "after compaction");
            }
        }
    }
}

#[test]
fn ten_thousand_adversarial_queries() {
    let (n, dim, k) = (4000, 48, 10);
    let vectors = data(11, n, dim, &[0, 1, 2, 3, 6, 7, 8, 9, 9, 9, 9, 9]);
    let mut brute = BruteForce::new(dim).unwrap();
    brute.add(&Rows::new(&vectors)).unwrap();
    let mut flat = FlatIndex::new(dim).unwrap();
    flat.add(&Rows::new(&vectors)).unwrap();
    flat.seal().unwrap();
    let mut rng = Rng(12);
    let queries: Vec<Query> = (0..10_000)
        .map(|i| Query::new(&adversarial_row(&mut rng, dim, &vectors, i)).k(k))
        .collect();
    let batch = flat.search_batch(&queries).unwrap();
    let mut reranked = Vec::new();
    for (query, together) in queries.iter().zip(&batch) {
        let expected = brute.search(query).unwrap();
        let alone = flat.search(query).unwrap();
        assert_eq!(alone.hits, expected.hits);
        assert_eq!(together.hits, expected.hits);
        reranked.push(alone.reranked);
    }
    reranked.sort_unstable();
    let median = reranked[reranked.len() / 2];
    println!("rows scored in full, median of 10000 adversarial queries: {median}");
    assert!(median <= 50, "median {median}");
}
