//! Small cases whose answers can be worked out on paper.

#![allow(clippy::expect_used, reason = "a test that cannot go on should stop")]

use geoloc_geo_cells::{Candidate, LatLng};
use geoloc_metrics::{
    Average, Bootstrap, Conformal, ConfusionMatrix, Conventions, MethodReport, MetricError,
    NoPositives, Prdc, Prediction, Rank, RecallVsArea, Reliability, Report, ReportError,
    RetrievalSummary, RiskCoverage, Role, ScoreTable, Slices, Temperature, TiePolicy,
    area_to_truth_km2, average_precision_at, conformity_score, has_positive, mean_over_queries,
    prediction_density, recall_at, recall_by_distance,
};

fn plain() -> Conventions {
    Conventions::default().with_bootstrap(Bootstrap::off())
}

fn equator(lng: f64) -> LatLng {
    LatLng::new(0.0, lng).expect("a place")
}

#[track_caller]
fn close(ours: f64, expected: f64) {
    assert!(
        (ours - expected).abs() < 1e-12,
        "{ours}, expected {expected}"
    );
}

#[test]
fn constant_scores_earn_nothing_or_everything_by_tie_policy() {
    let ranks: Vec<Option<Rank>> = (0..10).map(|t| Rank::from_scores(&[0.5; 10], t)).collect();
    close(
        recall_at(&ranks, 1, TiePolicy::Pessimistic).expect("queries"),
        0.0,
    );
    close(
        recall_at(&ranks, 1, TiePolicy::Optimistic).expect("queries"),
        1.0,
    );
}

#[test]
fn semi_positives_leave_the_ranking() {
    let scores = [0.9, 0.8, 0.7];
    let with = Rank::from_scores(&scores, 1).expect("a rank");
    let without = Rank::best_of_without(&scores, &[1], &[0]).expect("a rank");
    assert_eq!(
        (
            with.position(TiePolicy::Pessimistic),
            without.position(TiePolicy::Pessimistic)
        ),
        (2, 1)
    );
}

#[test]
fn nan_scores_never_help_and_a_nan_truth_is_a_failure() {
    let scores = [f64::NAN, 0.5, f64::NAN];
    assert_eq!(
        Rank::from_scores(&scores, 1),
        Some(Rank { better: 0, tied: 0 })
    );
    assert_eq!(Rank::from_scores(&scores, 0), None);
    assert_eq!(
        Rank::best_of(&scores, &[0, 1]),
        Some(Rank { better: 0, tied: 0 })
    );
    assert_eq!(Rank::from_scores(&scores, 3), None);
}

#[test]
fn retrieval_summary_counts_failures_and_refuses_impossible_ranks() {
    let rank = |better| Some(Rank { better, tied: 0 });
    let s = RetrievalSummary::from_ranks(&[rank(0), rank(3), None], 250, &[1, 5], &plain())
        .expect("valid");
    assert_eq!((s.n, s.failures, s.recall_1_percent.k), (3, 1, 3));
    close(s.recall_at(1).expect("asked for"), 1.0 / 3.0);
    close(s.recall_at(5).expect("asked for"), 2.0 / 3.0);
    close(s.mean_reciprocal_rank.value, (1.0 + 0.25) / 3.0);
    assert_eq!(s.median_rank, Some(4.0));
    let impossible = RetrievalSummary::from_ranks(&[rank(0), rank(3)], 3, &[1], &plain());
    assert!(matches!(
        impossible,
        Err(MetricError::Index {
            row: 1,
            index: 3,
            bound: 3,
            ..
        })
    ));
}

#[test]
fn recall_by_distance_looks_at_any_of_the_first_k() {
    // One degree on the equator is 111.2 km.
    let truth = [equator(0.0), equator(10.0)];
    let ranked = [vec![equator(5.0), equator(0.1)], vec![]];
    let recall = |k| recall_by_distance(&truth, &ranked, k, 25.0, &plain()).expect("valid");
    close(recall(1), 0.0);
    close(recall(2), 0.5);
    assert!(has_positive(
        equator(179.95),
        &[equator(-179.95)],
        25.0,
        &plain()
    ));
    assert!(!has_positive(equator(0.0), &[], 25.0, &plain()));
}

#[test]
fn average_precision_is_cut_at_k() {
    let ranked = [true, false, true, true];
    close(
        average_precision_at(&ranked, 5, 3).expect("relevant"),
        (1.0 + 2.0 / 3.0) / 3.0,
    );
    close(
        average_precision_at(&ranked, 3, usize::MAX).expect("relevant"),
        (1.0 + 2.0 / 3.0 + 0.75) / 3.0,
    );
    assert_eq!(average_precision_at(&ranked, 0, 3), None);
    assert_eq!(average_precision_at(&ranked, 5, 0), None);
    assert!(matches!(
        mean_over_queries(&[None], NoPositives::Drop),
        Err(MetricError::Empty { .. })
    ));
}

#[test]
fn confusion_matrix_with_unbounded_classes_stays_small() {
    let m = ConfusionMatrix::new(&[0, 7, 7], &[Some(0), Some(0), None], usize::MAX).expect("valid");
    assert_eq!(m.most_confused(5), [(7, 0, 1)]);
    close(m.average(Average::Macro).recall, 0.5);
    assert!(m.average(Average::MacroAll).recall < 1e-15);
    assert_eq!(m.class_scores(usize::MAX), None);
    let outside = ConfusionMatrix::new(&[0, 2], &[None, None], 2);
    assert!(matches!(
        outside,
        Err(MetricError::Index {
            what: "truth",
            row: 1,
            index: 2,
            bound: 2
        })
    ));
}

#[test]
fn probability_tables_are_checked() {
    let refused = |values: &[f64], classes| {
        ScoreTable::probabilities(values, classes).expect_err("bad table")
    };
    assert!(matches!(
        refused(&[0.5, 0.6], 2),
        MetricError::Value {
            what: "sum of the probabilities",
            row: 0,
            ..
        }
    ));
    assert!(matches!(
        refused(&[0.5, 0.5, 1.5, -0.5], 2),
        MetricError::Value { row: 1, .. }
    ));
    assert!(matches!(
        refused(&[1.0, 0.0, 1.0], 2),
        MetricError::Length {
            found: 3,
            expected: 4,
            ..
        }
    ));
    assert!(matches!(
        refused(&[f64::NAN], 1),
        MetricError::Value { row: 0, .. }
    ));
    assert!(matches!(refused(&[], 1), MetricError::Empty { .. }));
    assert!(matches!(refused(&[1.0], 0), MetricError::Empty { .. }));
}

#[test]
fn temperature_of_a_model_that_is_always_right_is_the_lower_end() {
    let table = ScoreTable::scores(&[3.0, 0.0, 0.0, 3.0], 2).expect("valid");
    let right = Temperature::fit(table, &[0, 1]).expect("valid");
    assert!(right.temperature < 0.1 && right.nll_after < 1e-6);
    let wrong = Temperature::fit(table, &[1, 0]).expect("valid");
    assert!(wrong.temperature > 99.0);
}

#[test]
fn bins_own_their_upper_edge() {
    let r = Reliability::new(&[0.0, 0.2, 0.200_001, 1.0], &[true; 4], 5).expect("valid");
    let counts: Vec<usize> = r.bins.iter().map(|b| b.count).collect();
    assert_eq!(counts, [2, 1, 0, 0, 1]);
}

#[test]
fn risk_of_tied_confidences_is_their_mean() {
    let r = RiskCoverage::new(&[0.9, 0.5, 0.5, f64::NEG_INFINITY], &[0.0, 1.0, 0.0, 1.0])
        .expect("valid");
    assert_eq!(r.risk, [0.0, 0.25, 1.0 / 3.0, 0.5]);
    assert_eq!(
        (r.risk_at(0.25), r.risk_at(0.0), r.risk_at(1.5)),
        (Some(0.0), None, None)
    );
}

#[test]
fn density_adds_up_the_neighbours_of_the_best_candidate() {
    let candidate = |lng: f64, probability: f64| Candidate {
        location: equator(lng),
        probability,
        cell: None,
        class: None,
    };
    let candidates = [
        candidate(0.0, 0.2),
        candidate(10.0, 0.5),
        candidate(11.0, 0.2),
        candidate(50.0, f64::NAN),
    ];
    let density = |km| prediction_density(&candidates, km, &plain()).expect("candidates");
    close(density(1.0), 0.5);
    close(density(200.0), 0.7);
    close(density(20_100.0), 0.9);
    assert_eq!(prediction_density(&[], 1.0, &plain()), None);
}

#[test]
fn conformal_threshold_is_the_ceiling_order_statistic() {
    let scores: Vec<f64> = (0..9).map(|i| f64::from(i) / 10.0).collect();
    close(Conformal::fit(&scores, 0.5).expect("valid").threshold, 0.4);
    close(Conformal::fit(&scores, 0.9).expect("valid").threshold, 0.8);
    close(Conformal::fit(&scores, 0.95).expect("valid").threshold, 1.0);
    let p = [0.2, 0.5, 0.3];
    close(conformity_score(&p, 0).expect("a cell"), 0.8);
    close(conformity_score(&p, 1).expect("a cell"), 0.0);
    let half = Conformal {
        threshold: 0.5,
        coverage: 0.5,
    };
    assert_eq!(half.region(&p), Ok(vec![1, 2]));
    // A region that passed over a cell would not cover what it promises.
    for bad in [f64::NAN, f64::INFINITY, -0.1] {
        let refused = half.region(&[0.2, bad]);
        assert!(matches!(refused, Err(MetricError::Value { row: 1, .. })));
    }
    assert!(matches!(
        conformity_score(&p, 3),
        Err(MetricError::Index {
            index: 3,
            bound: 3,
            ..
        })
    ));
    assert!(
        conformity_score(&[f64::NAN, 1.0], 0).is_err(),
        "NaN must not look certain"
    );
}

#[test]
fn search_goes_by_density_not_by_probability() {
    // Densities 0.05, 0.3 and 0.02: the second cell is searched first.
    let (p, areas) = ([0.5, 0.3, 0.2], [10.0, 1.0, 10.0]);
    let area = |cell| area_to_truth_km2(&p, &areas, cell).expect("a cell");
    close(area(1), 1.0);
    close(area(0), 11.0);
    close(area(2), 21.0);
    let curve = RecallVsArea::new(&[Some(1.0), Some(11.0), Some(21.0), None]).expect("valid");
    close(curve.recall_at(11.0), 0.5);
    assert_eq!((curve.failures, curve.area_at(1.0)), (1, None));
    close(curve.area_at(0.5).expect("among the found"), 16.0);
    assert!(area_to_truth_km2(&p, &[1.0, 0.0, 1.0], 0).is_err());
}

#[test]
fn slices_have_their_own_n() {
    let labels = [Some("NA"), None, Some("FR"), Some("NA")];
    let km = [Some(10.0), Some(10.0), None, Some(100.0)];
    let s = Slices::new("country", &labels, &km, &[25.0], &plain()).expect("valid");
    assert_eq!(s.untagged, 1);
    assert_eq!(
        s.get("NA").map(|d| (d.n, d.failures, d.share_within(25.0))),
        Some((2, 0, Some(0.5)))
    );
    assert_eq!(s.get("FR").map(|d| (d.n, d.failures)), Some((1, 1)));
    assert_eq!(s.get(""), None);
}

#[test]
fn prdc_needs_more_places_than_neighbours() {
    let places = [equator(0.0), equator(1.0)];
    assert!(Prdc::new(&places, &places, 1, &plain()).is_ok());
    for k in [0, 2, usize::MAX] {
        assert!(matches!(
            Prdc::new(&places, &places, k, &plain()),
            Err(MetricError::Setting { .. })
        ));
    }
}

#[test]
fn comparison_pairs_queries_by_id_and_counts_who_is_nearer() {
    let conventions = plain();
    let method = |name: &str, answers: [(&str, Option<f64>); 3]| {
        let predictions = answers
            .map(|(id, lng)| Prediction::new(id, equator(0.0), lng.map(equator)))
            .to_vec();
        MethodReport::evaluate(name, Role::Method, predictions, &[25.0], &conventions)
            .expect("valid")
    };
    let mut report = Report::new("t", conventions);
    for m in [
        method("a", [("1", Some(0.1)), ("2", None), ("3", Some(1.0))]),
        method("b", [("3", Some(1.0)), ("1", Some(0.2)), ("2", Some(0.2))]),
        method("c", [("1", None), ("2", None), ("4", None)]),
    ] {
        report.push_method(m).expect("a new name");
    }
    report.compare("a", "b").expect("same ids");
    let nearer = report.comparisons[0].nearer;
    assert_eq!((nearer.first, nearer.second, nearer.level), (1, 1, 1));
    let within = report.comparisons[0].within[0].test;
    assert_eq!((within.first, within.second, within.level), (0, 1, 2));
    assert!(matches!(report.compare("a", "c"), Err(ReportError::Unpaired { id, .. }) if id == "3"));
    assert!(matches!(report.compare("a", "d"), Err(ReportError::NoMethod { name }) if name == "d"));
}

#[test]
fn conventions_that_cannot_be_computed_with_are_refused() {
    let evaluate = |conventions: Conventions| {
        let p = vec![Prediction::new("q", equator(0.0), Some(equator(1.0)))];
        MethodReport::evaluate("m", Role::Method, p, &[25.0], &conventions).map(|_| ())
    };
    let mut flat = plain();
    flat.geo_score.scale_km = 0.0;
    let mut endless = plain();
    endless.bootstrap.resamples = usize::MAX;
    let mut never = plain();
    never.bootstrap.level = f64::NAN;
    for bad in [flat, endless, never] {
        assert!(matches!(evaluate(bad), Err(MetricError::Setting { .. })));
    }
}
