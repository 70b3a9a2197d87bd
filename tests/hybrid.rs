//! The hybrid run at a tiny size: what must hold whatever the weights are.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use geoloc::artifact::Artifact;
use geoloc::burn::tensor::Device;
use geoloc::datasets::View;
use geoloc::geo_cells::haversine_km;
use geoloc::locate::load_any;
use geoloc::trainer::ProgressMode;
use geoloc::world::WorldTask;
use geoloc::world::hybrid::{
    Ground, HybridBranches, HybridConfig, hybrid, hybrid_artifact, methods,
};

/// A run of seconds, also for `hybrid --config`.
fn config() -> HybridConfig {
    serde_json::from_str(include_str!("data/hybrid_small.json")).unwrap()
}

#[test]
fn ground_photos_cover_what_they_should_and_queries_keep_their_distance() {
    let config = config();
    let task = WorldTask::new(16).unwrap();
    let ground = Ground::new(&task, config.levels, config.ground, 7).unwrap();
    assert_eq!(ground.photos().len(), 1500);
    assert!(ground.photos().iter().all(|&p| task.split().is_train(p)));
    let counted: u32 = ground.covered().iter().map(|c| c.1).sum();
    assert_eq!(counted, 1500);
    // About three quarters of the training area lie in cells with photos, by area.
    let known = (0..2000)
        .filter(|&i| {
            let place = task.split().sample_train(99, i);
            ground.prototype_of(place).is_some()
        })
        .count();
    assert!((1200..1800).contains(&known), "{known} of 2000");
    for covered in [true, false] {
        let queries = ground.queries(60, covered, 0).unwrap();
        for &query in &queries {
            assert_eq!(ground.prototype_of(query).is_some(), covered);
            let nearest = ground
                .photos()
                .iter()
                .map(|&p| haversine_km(p, query))
                .fold(f64::INFINITY, f64::min);
            assert!(nearest >= config.ground.gap_km, "{nearest}");
        }
        assert_eq!(queries, ground.queries(60, covered, 0).unwrap());
        assert_ne!(queries, ground.queries(60, covered, 1).unwrap());
    }
}

#[test]
fn a_small_run_holds_together_and_its_file_works() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::default();
    let config = config();
    let run = |folder| hybrid(&config, ProgressMode::Hidden, folder, None, &device).unwrap();
    let outcome = run(Some(folder.path()));
    outcome.report.verify().unwrap();
    let [covered, uncovered, unseen] = outcome.slices;
    assert_eq!([covered, uncovered, unseen].map(|s| s.queries), [40; 3]);
    // No prototype lies near unseen tiles: both parts together rank as the aerial codes do.
    assert!((unseen.fused_r1 - unseen.aerial_r1).abs() < 1e-12);
    // The last line's shares are those of the predictions in the report.
    let width = outcome.run.ground.cells().cell_width_km();
    let method = outcome.report.method(methods::FUSED).unwrap();
    let hits = method
        .predictions
        .iter()
        .filter(|p| p.tags["cells"] == "covered")
        .filter(|p| haversine_km(p.truth, p.predicted.unwrap()) <= width)
        .count();
    assert!((covered.fused_r1 - hits as f64 / 40.0).abs() < 1e-12);
    // Validation chose what finds most, of what finds as much in uncovered cells.
    let chosen = outcome.choice.best;
    let better = outcome
        .trials
        .iter()
        .filter(|t| t.best.recall > chosen.best.recall);
    for trial in better {
        assert!(trial.recalls[1] < chosen.recalls[1], "{trial:?}");
    }
    // Started again, the finished training is read back: the same report.
    let again = run(Some(folder.path()));
    assert_eq!(
        again.report.to_json().unwrap(),
        outcome.report.to_json().unwrap()
    );

    let path = folder.path().join("model.bpk");
    hybrid_artifact(&outcome).unwrap().save(&path).unwrap();
    let artifact = Artifact::open(&path).unwrap();
    let branches = HybridBranches::load(&artifact, &device).unwrap();
    let recall = branches.default_gallery(40, 0).unwrap();
    // int8 weights move a few ranks at most.
    let (k, share) = &recall[0];
    assert_eq!(*k, 1);
    assert!((share.value - unseen.aerial_r1).abs() <= 0.1);
    let locator = load_any(&artifact, None, &device).unwrap();
    let places = outcome.run.task().split().unseen_queries(2, 3).unwrap();
    for photo in outcome
        .run
        .task()
        .photos(View::Query, &places, "q")
        .unwrap()
    {
        let found = locator.locate(&[photo.photo]).remove(0).unwrap();
        assert!(found.radius50_km > 0.0);
        assert!(found.candidates.len() > 1);
    }
}

#[test]
fn the_shipped_model_is_small_and_as_good_as_stated() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/models/world.bpk");
    // 1.77 MB of weights and gallery, 1.15 MB that say what the model is made for.
    assert!(std::fs::metadata(path).unwrap().len() <= 3_000_000);
    let artifact = Artifact::open(path).unwrap();
    let branches = HybridBranches::load(&artifact, &Device::default()).unwrap();
    // 62.5 % was measured on these 200 tiles; chance is 0.5 %.
    let recall = branches.default_gallery(200, 0).unwrap();
    assert!(recall[0].1.value > 0.55, "{}", recall[0].1.value);
}
