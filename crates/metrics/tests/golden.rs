//! Values of scikit-learn, scipy and numpy (`golden/peers.json`, written by `golden/generate.py`), and published numbers.

#![allow(clippy::expect_used, reason = "a test that cannot go on should stop")]

use geoloc_geo_cells::LatLng;
use geoloc_metrics::{
    Average, Bootstrap, CALIBRATION_BINS, ClassScores, ConfusionMatrix, Conventions,
    DistanceSummary, GeoScoreRule, Prdc, Rank, Reliability, RiskCoverage, ScoreTable, Temperature,
    TiePolicy, average_precision_at, brier_score, distances_km, log_loss, mcnemar_test,
    mean_measure, mean_reciprocal_rank, permutation_test, quantile_sorted, sign_test,
    top_k_accuracy,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Peers {
    classification: Vec<Classification>,
    probabilities: Probabilities,
    reliability: ReliabilityCase,
    ranking: Ranking,
    distances: Distances,
    significance: Significance,
    selective: Selective,
}

#[derive(Deserialize)]
struct Classification {
    classes: usize,
    truth: Vec<usize>,
    predicted: Vec<i64>,
    accuracy: f64,
    per_class: [Vec<f64>; 3],
    #[serde(rename = "macro")]
    macro_present: [f64; 3],
    macro_all: [f64; 3],
    micro: [f64; 3],
    weighted: [f64; 3],
    confusion: Vec<Vec<usize>>,
}

#[derive(Deserialize)]
struct Probabilities {
    classes: usize,
    truth: Vec<usize>,
    logits: Vec<f64>,
    top_k: Vec<f64>,
    log_loss: f64,
    brier: f64,
    temperature: f64,
    nll_after: f64,
    mean_reciprocal_rank: f64,
}

#[derive(Deserialize)]
struct ReliabilityCase {
    confidence: Vec<f64>,
    right: Vec<bool>,
    expected_error: f64,
    maximum_error: f64,
    counts: Vec<usize>,
}

#[derive(Deserialize)]
struct Ranking {
    average_precision: Vec<AveragePrecision>,
    scores: Vec<f64>,
    pessimistic: Vec<usize>,
    optimistic: Vec<usize>,
}

#[derive(Deserialize)]
struct AveragePrecision {
    ranked: Vec<bool>,
    average_precision: f64,
}

#[derive(Deserialize)]
struct Distances {
    truth: Vec<(f64, f64)>,
    predicted: Vec<(f64, f64)>,
    km: Vec<f64>,
    mean: f64,
    percents: Vec<f64>,
    percentiles: Vec<f64>,
    with_five_failures: Vec<f64>,
    drawn: Vec<(f64, f64)>,
    prdc_k: usize,
    prdc: [f64; 4],
}

#[derive(Deserialize)]
struct Significance {
    a: Vec<f64>,
    b: Vec<f64>,
    permutation_p: f64,
    sign: (usize, usize),
    sign_p: f64,
    coins: Vec<(usize, usize)>,
    coin_p: Vec<f64>,
    bootstrap_sample: Vec<f64>,
    bootstrap_level: f64,
    bootstrap_interval: (f64, f64),
    standard_error: f64,
}

#[derive(Deserialize)]
struct Selective {
    confidence: Vec<f64>,
    loss: Vec<f64>,
    risk: Vec<f64>,
    area: f64,
    excess_area: f64,
}

fn peers() -> Peers {
    serde_json::from_str(include_str!("golden/peers.json")).expect("golden file")
}

fn places(pairs: &[(f64, f64)]) -> Vec<LatLng> {
    let place = |&(lat, lng): &(f64, f64)| LatLng::new(lat, lng).expect("a place");
    pairs.iter().map(place).collect()
}

/// Both sides sum the same numbers in another order: a few units in the last place.
#[track_caller]
fn same(ours: f64, theirs: f64) {
    assert!(
        (ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0),
        "{ours} and {theirs}"
    );
}

#[test]
fn classification_equals_scikit_learn() {
    for case in peers().classification {
        let predicted: Vec<Option<usize>> = case
            .predicted
            .iter()
            .map(|&p| usize::try_from(p).ok())
            .collect();
        let ours = ConfusionMatrix::new(&case.truth, &predicted, case.classes).expect("valid");
        same(ours.accuracy(), case.accuracy);
        let check = |ours: ClassScores, theirs: [f64; 3]| {
            same(ours.precision, theirs[0]);
            same(ours.recall, theirs[1]);
            same(ours.f1, theirs[2]);
        };
        check(ours.average(Average::Macro), case.macro_present);
        check(ours.average(Average::MacroAll), case.macro_all);
        check(ours.average(Average::Micro), case.micro);
        check(ours.average(Average::Weighted), case.weighted);
        let [precision, recall, f1] = &case.per_class;
        for class in 0..case.classes {
            let scores = ours.class_scores(class).expect("a class");
            check(scores, [precision[class], recall[class], f1[class]]);
            for other in 0..case.classes {
                assert_eq!(ours.count(class, other), case.confusion[class][other]);
            }
        }
    }
}

#[test]
fn probabilities_equal_scikit_learn() {
    let case = peers().probabilities;
    let logits = ScoreTable::scores(&case.logits, case.classes).expect("valid");
    let softmax: Vec<f64> = logits
        .rows()
        .flat_map(|row| {
            let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|z| (z - top).exp()).sum();
            row.iter().map(move |z| (z - top).exp() / sum)
        })
        .collect();
    let table = ScoreTable::probabilities(&softmax, case.classes).expect("valid");
    for (k, theirs) in (1..).zip(&case.top_k) {
        same(
            top_k_accuracy(table, &case.truth, k, TiePolicy::Pessimistic).expect("valid"),
            *theirs,
        );
    }
    same(log_loss(table, &case.truth).expect("valid"), case.log_loss);
    same(brier_score(table, &case.truth).expect("valid"), case.brier);
    let ranks: Vec<Option<Rank>> = table
        .rows()
        .zip(&case.truth)
        .map(|(row, &t)| Rank::from_scores(row, t))
        .collect();
    let mrr = mean_reciprocal_rank(&ranks, TiePolicy::Pessimistic).expect("valid");
    same(mrr, case.mean_reciprocal_rank);

    let fit = Temperature::fit(logits, &case.truth).expect("valid");
    same(fit.nll_before, case.log_loss);
    same(fit.nll_after, case.nll_after);
    // At a minimum the loss does not tell arguments apart that differ by the root of its own rounding.
    assert!(
        (fit.temperature / case.temperature - 1.0).abs() < 1e-6,
        "{}",
        fit.temperature
    );
}

#[test]
fn reliability_equals_scikit_learn() {
    let case = peers().reliability;
    let ours = Reliability::new(&case.confidence, &case.right, CALIBRATION_BINS).expect("valid");
    same(ours.expected_error, case.expected_error);
    same(ours.maximum_error, case.maximum_error);
    let counts: Vec<usize> = ours.bins.iter().map(|b| b.count).collect();
    assert_eq!(counts, case.counts);
}

#[test]
fn average_precision_and_ranks_equal_scikit_learn_and_scipy() {
    let case = peers().ranking;
    for list in &case.average_precision {
        let relevant = list.ranked.iter().filter(|r| **r).count();
        let ours =
            average_precision_at(&list.ranked, relevant, usize::MAX).expect("relevant items");
        same(ours, list.average_precision);
    }
    for (item, (pessimistic, optimistic)) in
        case.pessimistic.iter().zip(&case.optimistic).enumerate()
    {
        let rank = Rank::from_scores(&case.scores, item).expect("a score");
        assert_eq!(rank.position(TiePolicy::Pessimistic), *pessimistic);
        assert_eq!(rank.position(TiePolicy::Optimistic), *optimistic);
    }
}

#[test]
fn distances_equal_scikit_learn_and_numpy() {
    let case = peers().distances;
    let (truth, predicted) = (places(&case.truth), places(&case.predicted));
    let answers: Vec<Option<LatLng>> = predicted.into_iter().map(Some).collect();
    let conventions = Conventions::default().with_bootstrap(Bootstrap::off());
    let ours = distances_km(&truth, &answers, &conventions).expect("valid");
    for (ours, theirs) in ours.iter().zip(&case.km) {
        // Haversine near the antipode loses digits on both sides: 1e-9 km is a micrometre.
        assert!((ours.expect("located") - theirs).abs() < 1e-9);
    }
    let close = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-8, "{ours} {theirs}");
    let summary = DistanceSummary::from_distances(&ours, &[25.0], &conventions).expect("valid");
    close(summary.mean_km.expect("located").value, case.mean);
    let mut sorted: Vec<f64> = ours.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    for (percent, theirs) in case.percents.iter().zip(&case.percentiles) {
        close(
            quantile_sorted(&sorted, sorted.len(), percent / 100.0).expect("finite"),
            *theirs,
        );
    }
    for p in &summary.percentiles {
        let theirs = case
            .percents
            .iter()
            .position(|q| q.total_cmp(&p.percent).is_eq());
        close(
            p.km.expect("finite"),
            case.percentiles[theirs.expect("listed")],
        );
    }
    for (q, theirs) in [0.25, 0.5].iter().zip(&case.with_five_failures) {
        close(
            quantile_sorted(&sorted, sorted.len() + 5, *q).expect("finite"),
            *theirs,
        );
    }

    let prdc = Prdc::new(&truth, &places(&case.drawn), case.prdc_k, &conventions).expect("valid");
    let ours = [prdc.precision, prdc.recall, prdc.density, prdc.coverage];
    for (ours, theirs) in ours.into_iter().zip(case.prdc) {
        same(ours, theirs);
    }
}

#[test]
fn significance_equals_scipy() {
    let case = peers().significance;
    let sign = sign_test(&case.a, &case.b).expect("valid");
    assert_eq!((sign.first, sign.second), case.sign);
    same(sign.p_value, case.sign_p);
    for (&(first, second), theirs) in case.coins.iter().zip(&case.coin_p) {
        let a: Vec<bool> = (0..first + second).map(|i| i < first).collect();
        let b: Vec<bool> = a.iter().map(|x| !x).collect();
        let Ok(ours) = mcnemar_test(&a, &b) else {
            assert_eq!(first + second, 0, "only no queries at all are refused");
            continue;
        };
        // Sums of up to 3,000 logarithms.
        assert!(
            (ours.p_value / theirs - 1.0).abs() < 1e-9,
            "{first} {second}: {}",
            ours.p_value
        );
    }
    // The exact value by enumeration; 40,000 permutations estimate it with a standard error of at most 0.0025.
    let estimated = permutation_test(&case.a, &case.b, 40_000, 3).expect("valid");
    assert!(
        (estimated - case.permutation_p).abs() < 0.0075,
        "{estimated}"
    );

    let bootstrap = Bootstrap {
        resamples: 20_000,
        level: case.bootstrap_level,
        seed: 5,
    };
    let ours = mean_measure(&case.bootstrap_sample, bootstrap).expect("valid");
    let interval = ours.interval.expect("resampled");
    // Ends of two random intervals: their standard errors are about 0.015 of that of the mean.
    let margin = 0.06 * case.standard_error;
    assert!((interval.low - case.bootstrap_interval.0).abs() < margin);
    assert!((interval.high.expect("finite") - case.bootstrap_interval.1).abs() < margin);
}

#[test]
fn risk_coverage_equals_numpy() {
    let case = peers().selective;
    let ours = RiskCoverage::new(&case.confidence, &case.loss).expect("valid");
    for (ours, theirs) in ours.risk.iter().zip(&case.risk) {
        same(*ours, *theirs);
    }
    same(ours.area, case.area);
    same(ours.excess_area, case.excess_area);
    assert_eq!(ours.risk_at(1.0), ours.risk.last().copied());
}

#[test]
fn published_values_of_score_and_distance() {
    let rule = GeoScoreRule::default();
    let table = [
        (0.0, 5000.0),
        (1.0, 4996.651),
        (25.0, 4916.956),
        (200.0, 4373.014),
        (750.0, 3025.247),
        (1492.7, 1839.397),
        (2500.0, 936.712),
    ];
    for (km, score) in table {
        assert!((rule.score(km) - score).abs() < 5e-4, "{km}");
    }
    let paris = LatLng::new(48.8566, 2.3522).expect("a place");
    let london = LatLng::new(51.5074, -0.1278).expect("a place");
    let km = |conventions: Conventions| conventions.distance.km(paris, london);
    assert!((km(Conventions::osv5m()) - 343.55606).abs() < 5e-6);
    assert!((km(Conventions::pigeon()) - 343.94092).abs() < 5e-6);
    assert!((km(Conventions::geoclip()) - 343.92312).abs() < 5e-6);
    assert!(
        GeoScoreRule {
            rounded: true,
            ..rule
        }
        .score(200.0)
        .to_bits()
            == 4373.0_f64.to_bits()
    );
}
