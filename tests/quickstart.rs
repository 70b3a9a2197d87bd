//! The whole run at a tiny setting: real imagery, training, report, model file, reload.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail loudly and print what they skip"
)]

use std::sync::OnceLock;

use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::datasets::View;
use geoloc::evaluate::evaluate;
use geoloc::geo_cells::haversine_km;
use geoloc::locate::load_any;
use geoloc::metrics::{HtmlReport, MethodReport, Report, Role};
use geoloc::trainer::ProgressMode;
use geoloc::world::quickstart::{QuickstartConfig, QuickstartOutcome, methods, quickstart};

fn tiny() -> QuickstartConfig {
    QuickstartConfig {
        steps: 6,
        pairs: 16,
        cell_steps: 120,
        cell_batch: 48,
        cell_places: 4000,
        queries: 150,
        gallery_spacing_km: 800.0,
        pixels: 32,
        channels: vec![16, 24, 32],
        seed: 3,
    }
}

/// One run, shared by the tests: the generator of the CPU backend is one for the whole process.
fn outcome() -> &'static QuickstartOutcome {
    static OUTCOME: OnceLock<QuickstartOutcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        let run = || quickstart(&tiny(), ProgressMode::Hidden, None, &Device::flex()).unwrap();
        let (first, second) = (run(), run());
        // Same seed, same machine: same report, to the byte.
        let json = |o: &QuickstartOutcome| o.report.to_json().unwrap();
        assert!(json(&first) == json(&second), "the two reports differ");
        first
    })
}

fn method(name: &str) -> &'static MethodReport {
    outcome().report.method(name).unwrap()
}

#[test]
fn the_report_follows_from_its_predictions() {
    let report = &outcome().report;
    report.verify().unwrap();
    assert_eq!(report.methods.len(), 6);
    // A recomputation of our own, from the file alone, without the metrics crate.
    let read = Report::from_json(&report.to_json().unwrap()).unwrap();
    for method in &read.methods {
        let mut distances: Vec<f64> = method
            .predictions
            .iter()
            .map(|p| {
                p.predicted
                    .map_or(f64::INFINITY, |q| haversine_km(p.truth, q))
            })
            .collect();
        distances.sort_by(f64::total_cmp);
        let n = distances.len();
        let median = f64::midpoint(distances[(n - 1) / 2], distances[n / 2]);
        let stored = method.distance.median_km.as_ref().unwrap().value;
        assert!(
            (median - stored).abs() < 1e-6,
            "{}: {median} {stored}",
            method.name
        );
        for within in &method.distance.within {
            let hits = distances.iter().filter(|&&d| d <= within.radius_km).count();
            assert_eq!(hits, within.hits, "{}", method.name);
        }
    }
}

#[test]
fn no_classifier_passes_its_ceiling() {
    let cells = &method(methods::CELLS).predictions;
    let oracle = &method(methods::ORACLE).predictions;
    assert_eq!(cells.len(), oracle.len());
    for (answer, best) in cells.iter().zip(oracle) {
        assert_eq!(answer.id, best.id);
        let (answer, best) = (answer.distance_km.unwrap(), best.distance_km.unwrap());
        assert!(best <= answer + 1e-6, "{best} {answer}");
    }
}

#[test]
fn a_short_training_already_beats_the_constant() {
    let share = |name| method(name).distance.share_within(750.0).unwrap();
    let (cells, constant) = (share(methods::CELLS), share(methods::CONSTANT));
    assert!(cells > 2.0 * constant, "{cells} {constant}");
    assert!(share(methods::ORACLE) > cells);
}

#[test]
fn the_model_file_answers_as_the_model_did() {
    let outcome = outcome();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bpk");
    outcome.artifact.save(&path).unwrap();
    let artifact = Artifact::open(&path).unwrap();
    let device = Device::flex();

    let seen = method(methods::CELLS);
    let places: Vec<_> = seen.predictions.iter().map(|p| p.truth).collect();
    let photos = outcome.task.photos(View::Query, &places, "seen").unwrap();
    let cells = load_any(&artifact, Some("cells"), &device).unwrap();
    let conventions = &outcome.report.conventions;
    let again = evaluate(cells.as_ref(), Role::Method, &photos, conventions).unwrap();
    assert_eq!(again.predictions, seen.predictions);

    let world = method(methods::WORLD_RETRIEVAL);
    let places: Vec<_> = world.predictions.iter().map(|p| p.truth).collect();
    let photos = outcome.task.photos(View::Query, &places, "unseen").unwrap();
    let retrieval = load_any(&artifact, None, &device).unwrap();
    assert_eq!(retrieval.name(), "retrieval");
    let again = evaluate(retrieval.as_ref(), Role::Method, &photos, conventions).unwrap();
    for (a, b) in again.predictions.iter().zip(&world.predictions) {
        assert_eq!(a.predicted, b.predicted);
    }
}

#[test]
fn the_page_stands_alone() {
    let outcome = outcome();
    let page = outcome
        .galleries
        .iter()
        .cloned()
        .fold(HtmlReport::new(&outcome.report), HtmlReport::with_gallery)
        .render()
        .unwrap();
    for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("data:image/png;base64,"));
    assert_eq!(outcome.galleries.len(), 4);
}
