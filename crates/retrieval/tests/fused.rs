//! Factored search answers what scoring every cell answers, and what a fused table answers.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod adversary;

use adversary::{Rng, adversarial_row, data, places, prior, regions};
use geoloc_geo_cells::{CellId, Level};
use geoloc_retrieval::{
    FusedError, FusedIndex, FusedTable, Hit, Hits, Kernel, Place, Prior, Query, SearchError,
    VectorIndex,
};
use proptest::prelude::*;

/// The inner product as `VectorIndex` documents it: column j into sum j mod 16, then the sums as a tree.
fn product(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0f64; 16];
    for (j, (x, y)) in a.iter().zip(b).enumerate() {
        sums[j % 16] += f64::from(*x) * f64::from(*y);
    }
    for width in [8, 4, 2, 1] {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
    }
    sums[0]
}

/// A weighted query vector: each value is rounded to f32.
fn scaled(x: &[f32], w: f32) -> Vec<f32> {
    x.iter().map(|v| v * w).collect()
}

/// Both parts of a table, as a test sees them.
struct Parts {
    dim: usize,
    aerial: Vec<f32>,
    prototypes: Vec<f32>,
    places: Vec<Place>,
    parents: Vec<Option<u32>>,
    biases: [f32; 2],
}

impl Parts {
    /// The score of a row as it is documented: aerial, then prototype, then bias, summed in f64; with a prior,
    /// its term; rounded once.
    fn score(&self, at: usize, q: [&[f32]; 2], prior: Option<(&Prior, f32)>) -> f32 {
        let row = &self.aerial[at * self.dim..][..self.dim];
        let mut sum = product(row, q[0]);
        let mut bias = 0.0;
        if row.iter().all(|&v| v == 0.0) {
            bias += self.biases[0];
        }
        match self.parents[at] {
            Some(p) => sum += product(&self.prototypes[p as usize * self.dim..][..self.dim], q[1]),
            None => bias += self.biases[1],
        }
        sum += f64::from(bias);
        if let Some((prior, weight)) = prior {
            let cell = self.places[at].cell.unwrap();
            sum += f64::from(weight) * f64::from(prior.value(cell));
        }
        sum as f32
    }

    /// All rows that pass, by descending score and ascending id.
    fn ranking(
        &self,
        q: [&[f32]; 2],
        prior: Option<(&Prior, f32)>,
        pass: impl Fn(&Place) -> bool,
    ) -> Hits {
        let rows = self.places.iter().enumerate().filter(|(_, p)| pass(p));
        let mut hits: Vec<Hit> = rows
            .map(|(at, &place)| Hit {
                id: at as u64,
                score: self.score(at, q, prior),
                place: Some(place),
            })
            .collect();
        // A stable sort: ties stay in the order of their ids, and 0 is -0.
        hits.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap());
        Hits {
            hits,
            exact: true,
            reranked: 0,
        }
    }
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
        families in prop::collection::vec(0u64..10, 1..5),
        biases in prop::sample::select(vec![[0.0f32, 0.0], [0.5, -0.25], [-1e3, 1e15]]),
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
        let table = table.with_biases(biases[0], biases[1]);
        let mut rng = Rng(seed);
        let mut query = |i: u64| adversarial_row(&mut rng, dim, &aerial, i);
        let (q, q2) = (query(seed % 10), query(seed / 10 % 10));
        let (both, second) = (scaled(&q, kappa), scaled(&q2, kappa));
        let parts = Parts {
            dim,
            places: places.clone(),
            parents: table.parents().to_vec(),
            aerial,
            prototypes,
            biases,
        };
        let prior = prior(seed);
        for kernel in Kernel::available() {
            let index = FusedIndex::new(&table).unwrap().with_kernel(kernel);
            for (query, second) in [
                (Query::new(&q).weights(&[1.0, kappa]).k(k), &both),
                (Query::new(&q).and(&q2).weights(&[1.0, kappa]).k(k), &second),
            ] {
                let vectors = [q.as_slice(), second.as_slice()];
                let expect = |query: &Query, mut expected: Hits| {
                    let got = index.search(query).unwrap();
                    expected.hits.truncate(k);
                    assert!(got.exact);
                    assert_eq!(got.hits, expected.hits, "{kernel:?}");
                    let batch = index.search_batch(&[query.clone(), query.clone()]).unwrap();
                    assert!(batch.iter().all(|hits| hits.hits == got.hits));
                };
                let all = parts.ranking(vectors, None, |_| true);
                expect(&query, all.clone());
                for region in regions(seed, &places) {
                    let inside = |place: &Place| region.contains(place);
                    let query = query.clone().region(region.clone());
                    expect(&query, parts.ranking(vectors, None, inside));
                    let weighed = parts.ranking(vectors, Some((&prior, -2.0)), inside);
                    expect(&query.prior(prior.clone(), -2.0), weighed);
                }
                let weighed = parts.ranking(vectors, Some((&prior, 0.5)), |_| true);
                expect(&query.clone().prior(prior.clone(), 0.5), weighed);
                // A selection: the greedy one down the whole ranking.
                expect(&query.clone().diversity_radius_km(900.0), all.distinct_places(900.0, k));
            }
        }
    }

    #[test]
    fn a_fused_table_gives_the_same_scores_but_for_the_rounding(
        seed in any::<u64>(),
        n in 1usize..200,
        dim in 1usize..50,
        kappa in -3f32..3.0,
    ) {
        let families = [0u64, 1, 2, 3, 6, 9];
        let (aerial, places) = (data(seed, n, dim, &families), places(seed, n));
        let faces = CellId::faces();
        let prototypes = data(seed ^ 7, faces.len(), dim, &families);
        let table = FusedTable::new(dim, (&faces, &prototypes), (&places, &aerial)).unwrap();
        let q = adversarial_row(&mut Rng(seed), dim, &aerial, 9);
        let fused = table.fuse(kappa).unwrap();
        let a = fused.search(&Query::new(&q)).unwrap();
        let index = FusedIndex::new(&table).unwrap();
        let b = index.search(&Query::new(&q).weights(&[1.0, kappa])).unwrap();
        for (x, y) in a.scores().iter().zip(b.scores()) {
            prop_assert!((x - y).abs() <= 1e-5 * (1.0 + dim as f32), "{x} {y}");
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
