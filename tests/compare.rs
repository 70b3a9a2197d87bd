//! The comparison of approaches at a toy size: what it writes, and that finished parts are not done
//! again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail loudly"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use geoloc::backbones::SmallCnn;
use geoloc::burn::tensor::Device;
use geoloc::metrics::{HtmlReport, Report};
use geoloc::trainer::{ProgressMode, TrainError};
use geoloc::world::WorldError;
use geoloc::world::compare::{
    Approach, CompareConfig, CompareOutcome, Comparison, FrozenEncoder, compare,
};

fn config() -> CompareConfig {
    CompareConfig {
        steps: 2,
        batch: 8,
        pixels: 8,
        channels: vec![4, 6],
        places: 1500,
        gallery: 70,
        seen_spacing_km: 1800.0,
        random: 12,
        unseen: 8,
        ..CompareConfig::default()
    }
}

fn run(folder: &Path) -> CompareOutcome {
    run_until(folder, &Approach::ALL, None).unwrap()
}

fn run_until(
    folder: &Path,
    approaches: &[Approach],
    interrupt: Option<Arc<AtomicBool>>,
) -> Result<CompareOutcome, WorldError> {
    let comparison = Comparison {
        config: config(),
        approaches: approaches.to_vec(),
        folder,
        progress: ProgressMode::Hidden,
        interrupt,
    };
    let frozen = None::<&FrozenEncoder<SmallCnn>>;
    compare(&comparison, frozen, &mut |_| (), &Device::default())
}

#[test]
fn every_approach_is_trained_judged_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path());
    assert_eq!(outcome.approaches.len(), Approach::ALL.len());
    let report = &outcome.report;
    report.verify().unwrap();
    let json = report.to_json().unwrap();
    Report::from_json(&json).unwrap().verify().unwrap();
    let page = HtmlReport::new(report).render().unwrap();
    for approach in Approach::ALL {
        let seen = report.method(approach.name()).unwrap();
        let unseen = report.method(&format!("{approach} (unseen)")).unwrap();
        let random = report
            .method(&format!("{approach} (random split)"))
            .unwrap();
        let failures = [seen, random, unseen].map(|method| method.distance.failures);
        assert_eq!(failures, [0, 0, 0]);
        assert_eq!((random.distance.n, unseen.distance.n), (12, 8));
        assert!(seen.classes.is_some() && page.contains(approach.name()));
    }
    // The best cell of each query is a bound for every choice of a cell.
    let median = |name: &str| {
        report
            .method(name)
            .unwrap()
            .distance
            .median_km
            .unwrap()
            .value
    };
    assert!(median("best of the cells") <= median("cells"));
    assert!(median("best of the fine cells") <= median("fine-cells"));
    assert!(median("best of the cells (random split)") <= median("cells (random split)"));
    let compared = |name: &str| {
        report
            .comparisons
            .iter()
            .filter(|c| c.first == name)
            .count()
    };
    assert_eq!(compared("combinatorial"), 7);
    assert_eq!(compared("combinatorial (random split)"), 7);

    // A second start finds everything done: not even the seconds differ.
    let again = run(folder.path());
    assert_eq!(outcome.approaches, again.approaches);
    assert_eq!(json, again.report.to_json().unwrap());

    // A result that is damaged or of other settings is made anew; the checkpoint is still there.
    let cells = folder.path().join("cells.json");
    let text = std::fs::read_to_string(&cells).unwrap();
    std::fs::write(&cells, &text[..text.len() / 2]).unwrap();
    let mended = run(folder.path());
    let (first, second) = (&outcome.approaches[0], &mended.approaches[0]);
    assert_eq!(first.curve, second.curve);
    assert_eq!(first.methods[0].seen, second.methods[0].seen);

    // Interrupted after each step, it comes to the same curve.
    let other = tempfile::tempdir().unwrap();
    let flag = Arc::new(AtomicBool::new(true));
    for step in 1..config().steps {
        let cut = run_until(other.path(), &[Approach::Cities], Some(flag.clone()));
        let Err(WorldError::Train(TrainError::Interrupted { step: found })) = cut else {
            panic!("{cut:?}");
        };
        assert_eq!(found, step);
    }
    let resumed = run_until(other.path(), &[Approach::Cities], None).unwrap();
    let [whole, resumed] = [&outcome.report, &resumed.report].map(|r| r.method("cities").unwrap());
    // Times differ, answers do not.
    assert_eq!(resumed.predictions, whole.predictions);
    assert_eq!(resumed.distance, whole.distance);
}
