//! What holds for every input, valid or not.

#![allow(clippy::expect_used, reason = "a test that cannot go on should stop")]

use geoloc_geo_cells::LatLng;
use geoloc_metrics::{
    Average, Bootstrap, Comparison, Conformal, ConfusionMatrix, Conventions, DistanceSummary,
    HtmlReport, LabelAccuracy, MethodReport, Prediction, Rank, RecallVsArea, Reliability, Report,
    RiskCoverage, Role, ScoreTable, Temperature, TiePolicy, area_to_truth_km2, brier_score,
    conformity_score, log_loss, mcnemar_test, mean_measure, paired_difference, permutation_test,
    recall_at, sign_test, top_k_accuracy,
};
use proptest::prelude::*;

fn few() -> Conventions {
    Conventions::default().with_bootstrap(Bootstrap {
        resamples: 50,
        ..Bootstrap::default()
    })
}

fn place() -> impl Strategy<Value = LatLng> {
    (-90.0..=90.0, -200.0..=200.0).prop_map(|(lat, lng)| LatLng::new(lat, lng).expect("in range"))
}

/// Any number at all, often a troublesome one.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..20_000.0,
        1 => any::<f64>(),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -1.0, f64::MAX]),
    ]
}

fn distribution(classes: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(1e-6..1.0, classes).prop_map(|raw| {
        let sum: f64 = raw.iter().sum();
        raw.into_iter().map(|p| p / sum).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_numbers_give_a_result_or_an_error(
        a in prop::collection::vec(number(), 0..12),
        b in prop::collection::vec(number(), 0..12),
        indices in prop::collection::vec(0_usize..6, 0..12),
        flags in prop::collection::vec(any::<bool>(), 0..12),
        k in prop_oneof![0_usize..5, Just(usize::MAX)],
        level in number(),
    ) {
        let bootstrap = Bootstrap { resamples: 20, level, seed: 1 };
        let optional: Vec<Option<f64>> = a.iter().zip(&flags).map(|(x, f)| f.then_some(*x)).collect();
        let classes: Vec<Option<usize>> = indices.iter().zip(&flags).map(|(x, f)| f.then_some(*x)).collect();
        let conventions = Conventions::default().with_bootstrap(bootstrap);
        let _ = DistanceSummary::from_distances(&optional, &b, &conventions);
        let _ = mean_measure(&a, bootstrap);
        let _ = paired_difference(&a, &b, bootstrap);
        let _ = permutation_test(&a, &b, 10, 1);
        let _ = sign_test(&a, &b);
        let _ = mcnemar_test(&flags, &flags);
        let _ = Reliability::new(&a, &flags, k);
        let _ = RiskCoverage::new(&a, &b).map(|r| r.risk_at(level));
        let _ = Conformal::fit(&a, level).map(|c| c.region(&b));
        let _ = conformity_score(&a, k);
        let _ = area_to_truth_km2(&a, &b, k);
        let _ = RecallVsArea::new(&optional).map(|r| (r.recall_at(level), r.area_at(level)));
        let _ = ConfusionMatrix::new(&indices, &classes, if k < 3 { k + 3 } else { k }).map(|m| m.average(Average::Macro));
        let _ = LabelAccuracy::new(&classes, &classes, bootstrap);
        let _ = Rank::from_scores(&a, k);
        let _ = Rank::best_of_without(&a, &indices, &indices);
        if let Ok(table) = ScoreTable::scores(&a, k) {
            let _ = top_k_accuracy(table, &indices, k, TiePolicy::Optimistic);
            let _ = Temperature::fit(table, &indices);
        }
        if let Ok(table) = ScoreTable::probabilities(&a, k) {
            let _ = brier_score(table, &indices);
            let _ = log_loss(table, &indices);
        }
    }

    #[test]
    fn shares_grow_with_the_radius_and_below_never_exceeds_within(
        distances in prop::collection::vec(prop::option::of(0.0..3000.0_f64), 1..60),
        mut radii in prop::collection::vec(0.0..3000.0_f64, 1..6),
    ) {
        radii.sort_by(f64::total_cmp);
        let within = few();
        let mut below = within;
        below.comparison = Comparison::Below;
        let within = DistanceSummary::from_distances(&distances, &radii, &within).expect("valid");
        let below = DistanceSummary::from_distances(&distances, &radii, &below).expect("valid");
        for pair in within.within.windows(2) {
            prop_assert!(pair[0].hits <= pair[1].hits);
        }
        for (w, b) in within.within.iter().zip(&below.within) {
            prop_assert!(b.hits <= w.hits);
            let interval = w.share.interval.expect("resampled");
            prop_assert!(interval.low >= 0.0 && interval.high.expect("a share is finite") <= 1.0);
        }
        prop_assert_eq!(within.failures, distances.iter().filter(|d| d.is_none()).count());
    }

    #[test]
    fn order_of_queries_does_not_matter(
        distances in prop::collection::vec(prop::option::of(0.0..3000.0_f64), 1..40),
    ) {
        let mut reversed = distances.clone();
        reversed.reverse();
        let a = DistanceSummary::from_distances(&distances, &[25.0, 750.0], &few());
        let b = DistanceSummary::from_distances(&reversed, &[25.0, 750.0], &few());
        prop_assert_eq!(a, b);
    }

    #[test]
    fn pessimistic_recall_never_exceeds_optimistic(
        scores in prop::collection::vec(0_u8..4, 1..20), truth in 0_usize..20, k in 0_usize..22,
    ) {
        let ranks = [Rank::from_scores(&scores, truth)];
        prop_assert_eq!(ranks[0].is_some(), truth < scores.len());
        let pessimistic = recall_at(&ranks, k, TiePolicy::Pessimistic).expect("a query");
        let optimistic = recall_at(&ranks, k, TiePolicy::Optimistic).expect("a query");
        prop_assert!(pessimistic <= optimistic);
        if truth < scores.len() && k >= scores.len() {
            prop_assert!(pessimistic >= 1.0);
        }
    }

    #[test]
    fn region_holds_exactly_the_cells_whose_score_is_below_the_threshold(
        p in distribution(8), threshold in 0.0..1.0_f64,
    ) {
        let conformal = Conformal { threshold, coverage: 0.9 };
        let region = conformal.region(&p).expect("probabilities");
        prop_assert!(!region.is_empty());
        for cell in 0..p.len() {
            let score = conformity_score(&p, cell).expect("a cell");
            // Sums in another order may differ by a rounding at the threshold itself.
            if (score - threshold).abs() > 1e-9 {
                prop_assert_eq!(region.contains(&cell), score <= threshold);
            }
        }
    }

    #[test]
    fn conformal_regions_cover_their_own_calibration_set(
        rows in prop::collection::vec((distribution(6), 0_usize..6), 10..60), coverage in 0.05..0.95_f64,
    ) {
        let scores: Vec<f64> = rows.iter().map(|(p, t)| conformity_score(p, *t).expect("a cell")).collect();
        let conformal = Conformal::fit(&scores, coverage).expect("valid");
        let covered = rows.iter().filter(|(p, t)| conformal.region(p).is_ok_and(|r| r.contains(t))).count();
        prop_assert!(covered as f64 >= coverage * rows.len() as f64);
    }

    #[test]
    fn temperature_never_makes_the_fit_worse(
        rows in prop::collection::vec((prop::collection::vec(-8.0..8.0_f64, 4), 0_usize..4), 1..30),
    ) {
        let logits: Vec<f64> = rows.iter().flat_map(|(row, _)| row.clone()).collect();
        let truth: Vec<usize> = rows.iter().map(|(_, t)| *t).collect();
        let table = ScoreTable::scores(&logits, 4).expect("valid");
        let fit = Temperature::fit(table, &truth).expect("valid");
        prop_assert!((0.0099..=100.01).contains(&fit.temperature));
        prop_assert!(fit.nll_after <= fit.nll_before + 1e-9);
    }

    #[test]
    fn risk_does_not_depend_on_the_order_of_ties(
        rows in prop::collection::vec((0_u8..4, 0.0..10.0_f64), 1..30),
    ) {
        let split = |rows: &[(u8, f64)]| -> (Vec<f64>, Vec<f64>) {
            rows.iter().map(|(c, l)| (f64::from(*c), *l)).unzip()
        };
        let mut reversed = rows.clone();
        reversed.reverse();
        let ((c, l), (rc, rl)) = (split(&rows), split(&reversed));
        let (a, b) = (RiskCoverage::new(&c, &l).expect("valid"), RiskCoverage::new(&rc, &rl).expect("valid"));
        prop_assert_eq!(&a, &b);
        prop_assert!(a.excess_area >= -1e-9);
    }

    #[test]
    fn every_report_verifies_reads_back_and_is_drawn(
        rows in prop::collection::vec((place(), prop::option::of(place()), number(), number(), ".{0,8}"), 1..20),
        title in ".{0,20}",
    ) {
        let conventions = few();
        let predictions = |shift: usize| -> Vec<Prediction> {
            let rows = rows.iter().enumerate();
            rows.map(|(i, (truth, predicted, radius, probability, text))| {
                let predicted = if (i + shift).is_multiple_of(3) { *predicted } else { Some(*truth) };
                Prediction::new(format!("{i} {text}"), *truth, predicted)
                    .with_radius50_km(*radius)
                    .with_probability(*probability)
                    .with_tag("text", text.clone())
            })
            .collect()
        };
        let mut report = Report::new(title, conventions);
        for (shift, name) in ["a", "b"].into_iter().enumerate() {
            let method =
                MethodReport::evaluate(name, Role::Method, predictions(shift), &[25.0, 200.0], &conventions)
                    .and_then(|m| m.with_slices("text", &conventions))
                    .expect("places are valid");
            report.push_method(method).expect("a new name");
        }
        report.compare("a", "b").expect("same ids");
        prop_assert!(report.verify().is_ok());
        let text = report.to_json().expect("serialised");
        let read = Report::from_json(&text).expect("read back");
        prop_assert!(read.verify().is_ok());
        prop_assert_eq!(read.to_json().expect("serialised"), text);
        prop_assert!(HtmlReport::new(&report).render().expect("drawn").ends_with("</html>\n"));
    }
}
