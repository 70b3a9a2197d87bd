//! Factored search answers what scoring every cell answers, and what a fused table answers.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod adversary;

use adversary::{Rng, adversarial_row, data, places, prior, regions};
use geoloc_geo_cells::{CellId, Level};
use geoloc_retrieval::{
    FusedError, FusedIndex, FusedTable, Kernel, Query, SearchError, VectorIndex,
};
use proptest::prelude::*;

/// The score as it is documented: one rounding after sums in f64.
fn truth(
    table: &FusedTable,
    aerial: &[f32],
    prototypes: &[f32],
    q: [&[f32]; 2],
    dim: usize,
) -> Vec<f64> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum()
    };
    let score = |(row, parent): (&[f32], &Option<u32>)| {
        let p = parent.map_or(0.0, |p| dot(&prototypes[p as usize * dim..][..dim], q[1]));
        dot(row, q[0]) + p
    };
    aerial
        .chunks_exact(dim)
        .zip(table.parents())
        .map(score)
        .collect()
}

fn scaled(x: &[f32], w: f32) -> Vec<f32> {
    x.iter().map(|v| v * w).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn factored_equals_scoring_every_cell(
        seed in any::<u64>(),
        n in 1usize..300,
        dim in 1usize..50,
        k in 1usize..30,
        kappa in -3f32..3.0,
        families in prop::collection::vec(prop::sample::select(vec![0u64, 1, 2, 3, 6, 9]), 1..4),
    ) {
        let aerial = data(seed, n, dim, &families);
        let places = places(seed, n);
        // Parents two levels up; every third has no prototype.
        let mut parents: Vec<CellId> = places
            .iter()
            .filter_map(|p| p.cell?.parent(Level::new(2).unwrap()))
            .collect();
        parents.sort_unstable();
        parents.dedup();
        let parents: Vec<CellId> = parents.into_iter().enumerate().filter(|(i, _)| i % 3 > 0).map(|(_, c)| c).collect();
        let prototypes = data(seed ^ 7, parents.len(), dim, &families);
        let table = FusedTable::new(dim, (&parents, &prototypes), (&places, &aerial)).unwrap();
        let mut rng = Rng(seed);
        let q = adversarial_row(&mut rng, dim, &aerial, 9);
        let q2 = adversarial_row(&mut rng, dim, &aerial, 9);
        for kernel in Kernel::available() {
            let index = FusedIndex::new(&table).unwrap().with_kernel(kernel);
            for (query, second) in [
                (Query::new(&q).weights(&[1.0, kappa]).k(k), &q),
                (Query::new(&q).and(&q2).weights(&[1.0, kappa]).k(k), &q2),
            ] {
                let all = truth(&table, &aerial, &prototypes, [&q, &scaled(second, kappa)], dim);
                let magnitude: f64 = all.iter().fold(1.0, |m, s| m.max(s.abs()));
                let hits = index.search(&query).unwrap();
                prop_assert!(hits.exact);
                let mut order: Vec<f64> = all.clone();
                order.sort_by(|a, b| b.total_cmp(a));
                prop_assert_eq!(hits.hits.len(), k.min(n));
                for (hit, expected) in hits.hits.iter().zip(order) {
                    prop_assert!((f64::from(hit.score) - expected).abs() <= 1e-6 * magnitude);
                    prop_assert!((f64::from(hit.score) - all[hit.id as usize]).abs() <= 1e-6 * magnitude);
                }
                // A region: the same ranking without the rows outside.
                let region = &regions(seed, &places)[1];
                let inside = index.search(&query.clone().region(region.clone())).unwrap();
                let whole = index.search(&query.clone().k(n)).unwrap();
                let expected: Vec<_> = whole.hits.into_iter()
                    .filter(|hit| region.contains(&hit.place.unwrap())).take(k).collect();
                prop_assert_eq!(inside.hits, expected);
                // A prior: every score moves by its term, to the rounding.
                let prior = prior(seed);
                let weighed = index.search(&query.clone().k(n).prior(prior.clone(), 0.5)).unwrap();
                prop_assert!(weighed.exact);
                prop_assert!(weighed.scores().is_sorted_by(|a, b| a >= b));
                for hit in &weighed.hits {
                    let term = 0.5 * f64::from(prior.value(hit.place.unwrap().cell.unwrap()));
                    let expected = all[hit.id as usize] + term;
                    prop_assert!((f64::from(hit.score) - expected).abs() <= 1e-6 * (magnitude + 1.0));
                }
                let best = index.search(&query.clone().k(3).prior(prior, 0.5)).unwrap();
                prop_assert_eq!(&best.hits[..], &weighed.hits[..3.min(n)]);
                // A selection: the greedy one down the whole ranking.
                let whole = index.search(&query.clone().k(n)).unwrap();
                let distinct = index.search(&query.clone().diversity_radius_km(900.0)).unwrap();
                prop_assert_eq!(distinct.hits, whole.distinct_places(900.0, k).hits);
            }
            // The fused table gives the same scores, up to the rounding of its sums.
            let fused = table.fuse(kappa).unwrap().with_kernel(kernel);
            let a = fused.search(&Query::new(&q).k(k)).unwrap();
            let b = index.search(&Query::new(&q).weights(&[1.0, kappa]).k(k)).unwrap();
            for (x, y) in a.scores().iter().zip(b.scores()) {
                prop_assert!((x - y).abs() <= 1e-5 * (1.0 + dim as f32), "{x} {y}");
            }
        }
    }
}

#[test]
fn missing_parts() {
    let face = CellId::from_face(0).unwrap();
    let [a, b, c, _] = face.children().unwrap();
    let place = |cell: CellId| geoloc_retrieval::Place {
        location: cell.center(),
        cell: Some(cell),
    };
    // a: both parts; b: no aerial code; c: no prototype.
    let places = [place(a), place(b), place(c)];
    let aerial = [1.0, 0.0, 0.0, 0.0, 0.5, 0.0];
    let prototypes = [1.0, 0.0, 3.0, 0.0];
    let table = FusedTable::new(2, (&[a, b], &prototypes), (&places, &aerial)).unwrap();
    assert_eq!(table.parents(), [Some(0), Some(1), None]);
    let query = Query::new(&[1.0, 0.0]).weights(&[1.0, 2.0]);
    let hits = FusedIndex::new(&table).unwrap().search(&query).unwrap();
    assert_eq!(
        (hits.ids(), hits.scores()),
        (vec![1, 0, 2], vec![6.0, 3.0, 0.5])
    );
    let biased = table.clone().with_biases(-4.0, 10.0);
    let hits = FusedIndex::new(&biased).unwrap().search(&query).unwrap();
    assert_eq!(
        (hits.ids(), hits.scores()),
        (vec![2, 0, 1], vec![10.5, 3.0, 2.0])
    );
    assert!(matches!(biased.fuse(1.0), Err(FusedError::BiasInTable)));
    let twice = FusedTable::new(2, (&[a, a], &prototypes), (&places, &aerial));
    assert!(matches!(twice, Err(FusedError::TwoPrototypes { .. })));
    let short = FusedTable::new(2, (&[a], &prototypes), (&places, &aerial));
    assert!(matches!(
        short,
        Err(FusedError::Count {
            part: "prototypes",
            vectors: 2,
            cells: 1
        })
    ));
    let weights = FusedIndex::new(&table)
        .unwrap()
        .search(&Query::new(&[1.0, 0.0]).weights(&[1.0]));
    assert!(matches!(
        weights,
        Err(SearchError::Count {
            what: "weights",
            expected: 2,
            given: 1
        })
    ));
    let none = FusedTable::new(2, (&[], &[]), (&[], &[])).unwrap();
    assert!(
        FusedIndex::new(&none)
            .unwrap()
            .search(&query)
            .unwrap()
            .hits
            .is_empty()
    );
}
