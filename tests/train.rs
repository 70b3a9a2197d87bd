//! From photo files and a recipe to a model file, with networks of a few hundred parameters.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail loudly"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use geoloc::artifact::Artifact;
use geoloc::backbones::pooling::{PooledConfig, PoolingConfig};
use geoloc::backbones::{ResNetConfig, SmallCnnConfig};
use geoloc::burn::module::Module;
use geoloc::burn::tensor::{Device, Distribution, Tensor};
use geoloc::core::{Encoder, EncoderConfig, Locator};
use geoloc::datasets::{Augment, Photo, decode_photo};
use geoloc::heads::cell::CellHeadConfig;
use geoloc::images::encode_png;
use geoloc::locate::{AnyEncoder, AnyEncoderConfig, NamedEncoder, build_model, load_any};
use geoloc::photos::{PhotoList, SplitConfig, read_photos};
use geoloc::recipe::{
    Length, PartitionChoice, Recipe, RecipeError, TrainOptions, TrainOutcome, train,
};
use geoloc::seed::draw_weights;
use geoloc::trainer::{ProgressMode, StopReason, TrainError};

/// The generator of the CPU backend is one for the whole process: tests that draw from it take
/// turns.
static GENERATOR: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 48 photos of four towns, each town of its own colour, in six groups; and two bad rows.
fn data(folder: &Path) -> PathBuf {
    let towns = [(48.8, 2.3), (-33.9, 151.2), (40.7, -74.0), (-1.3, 36.8)];
    let mut csv = String::from("path,latitude,longitude,class,group,scene\n");
    for i in 0..48_usize {
        let (lat, lng) = towns[i % 4];
        let offset = 0.002 * (i / 4) as f64;
        let color = [[220, 30, 30], [30, 220, 30], [30, 30, 220], [200, 200, 30]][i % 4];
        let pixel = |p: usize| color.map(|c: u8| c.saturating_add((p * (i + 3) % 17) as u8));
        let rgb: Vec<u8> = (0..24 * 20).flat_map(pixel).collect();
        let photo = Photo::from_rgb(24, 20, rgb).unwrap();
        let name = format!("{i:02}.png");
        std::fs::write(folder.join(&name), encode_png(&photo).unwrap()).unwrap();
        let scene = ["indoor", "natural", "urban"][i % 3];
        let place = format!("{},{}", lat + offset, lng);
        writeln!(csv, "{name},{place},town {},day {},{scene}", i % 4, i / 8).unwrap();
    }
    csv += "none.png,1.0,1.0,town 0,day 0,urban\nbad.png,95.0,200.0,town 0,day 0,urban\n";
    let path = folder.join("photos.csv");
    std::fs::write(&path, csv).unwrap();
    path
}

fn recipe(approach: &str, partition: &str) -> Recipe {
    let text = format!(
        "title = \"test\"\n{partition}\n[augment]\nrandom_crop = true\nflip = 0.5\n[input]\n\
         resize = 18\n[encoder]\nconfig = {{ type = \"small_cnn\", input_size = 16, channels = \
         [4, 8] }}\n[approach]\n{approach}\n[training]\nbatch = 8\nclip_norm = 1.0\n\
         checkpoint_every = 2\n[[training.phases]]\nsteps = 1\nlearning_rate = 1e-2\nfrozen = \
         [\"encoder\"]\n[[training.phases]]\nsteps = 4\nlearning_rate = 1e-2\n"
    );
    Recipe::parse(&text, "test").unwrap()
}

fn read(path: &Path, recipe: &Recipe) -> PhotoList {
    read_photos(path, &recipe.data, ProgressMode::Hidden).unwrap()
}

fn options(out: &Path) -> TrainOptions {
    TrainOptions {
        progress: ProgressMode::Hidden,
        device: Device::flex(),
        ..TrainOptions::to(out)
    }
}

fn locator(model: &Path) -> Box<dyn Locator> {
    load_any(&Artifact::open(model).unwrap(), None, &Device::flex()).unwrap()
}

const CELLS: &str = "[partition]\ntype = \"adaptive\"\nsplit_above = 10\ndrop_below = 1";
const CLASSES: &str = "[partition]\ntype = \"classes\"";
const NESTED: &str = "[partition]\ntype = \"hierarchy\"\nsplit_above = [20, 5]\ndrop_below = 1";
const SETS: &str = "[partition]\ntype = \"combinatorial\"\nbase = { split_above = 3, drop_below = \
                    1 }\nsets = [{ classes = 3 }, { classes = 4, node_cells = 1.0 }]";

#[test]
fn every_approach_trains_and_answers_from_its_file() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    let cases = [
        ("type = \"classifier\"", CELLS),
        (
            "type = \"classifier\"\nloss = { type = \"smoothed\", tau_km = 100.0 }",
            CELLS,
        ),
        (
            "type = \"classifier\"\nloss = { type = \"balanced\", beta = 0.9 }",
            CELLS,
        ),
        ("type = \"cosine\"", CELLS),
        ("type = \"classes\"", CLASSES),
        ("type = \"scaled_regression\"\nhidden = 8", ""),
        ("type = \"unit_regression\"\nhidden = 8", ""),
        ("type = \"hierarchical\"", NESTED),
        ("type = \"combinatorial\"", SETS),
        ("type = \"hybrid\"", CELLS),
        ("type = \"mixture\"", ""),
        (
            "type = \"flow\"\nhead = { blocks = 1, width = 8, expansion = 1 }\nsteps = 4\nsamples = 2",
            "",
        ),
        ("type = \"scene_experts\"", CELLS),
        (
            "type = \"geoclip\"\nqueue = 6\nlocation = { sigmas = [1.0, 16.0], frequencies = 4, \
             hidden = 8, width = 8 }",
            "",
        ),
        (
            "type = \"retrieval\"\ndim = 8\npositive_km = 0.6\nnegative_km = 5.0",
            "",
        ),
    ];
    for (k, (approach, partition)) in cases.into_iter().enumerate() {
        let recipe = recipe(approach, partition);
        let photos = read(&csv, &recipe);
        assert_eq!((photos.photos.len(), photos.skipped.len()), (48, 2));
        let out = folder.path().join(format!("{k}"));
        let outcome = train(&recipe, photos, &options(&out));
        let outcome = outcome.unwrap_or_else(|e| panic!("{approach}: {e}"));
        assert_eq!((outcome.steps, outcome.reason), (5, StopReason::Steps));
        outcome.report.verify().unwrap();
        let method = &outcome.report.methods[0];
        assert_eq!(
            method.distance.n, 8,
            "{approach}: one group of eight photos"
        );
        assert!(
            method.predictions.iter().all(|p| p.predicted.is_some()),
            "{approach}"
        );
        // The report says what the file on disk answers.
        let photo = decode_photo(folder.path().join(&method.predictions[0].id)).unwrap();
        let estimate = locator(&outcome.model)
            .locate(&[photo])
            .pop()
            .unwrap()
            .unwrap();
        assert_eq!(
            Some(estimate.location),
            method.predictions[0].predicted,
            "{approach}"
        );
        assert!(std::fs::metadata(&outcome.page).unwrap().len() > 1000);
    }
}

#[test]
fn a_run_that_was_cut_off_goes_on_to_the_same_model() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    let recipe = recipe("type = \"classifier\"\ndropout = 0.3", CELLS);
    let whole = options(&folder.path().join("whole"));
    let whole = train(&recipe, read(&csv, &recipe), &whole).unwrap();
    let mut cut = options(&folder.path().join("cut"));
    // Set from the beginning: each call takes one step.
    cut.interrupt = Some(Arc::new(AtomicBool::new(true)));
    for step in 1..=3 {
        let outcome = train(&recipe, read(&csv, &recipe), &cut);
        let Err(RecipeError::Train(TrainError::Interrupted { step: found })) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(found, step);
    }
    cut.interrupt = None;
    let resumed = train(&recipe, read(&csv, &recipe), &cut).unwrap();
    assert_eq!(resumed.report, whole.report);
    let weights = |path: &Path| Artifact::open(path).unwrap().weights_hash("model", "");
    assert_eq!(
        weights(&resumed.model).unwrap(),
        weights(&whole.model).unwrap()
    );
    // Another recipe, other photos or another length do not mix with it.
    cut.length = Some(Length::Steps(9));
    let other = train(&recipe, read(&csv, &recipe), &cut);
    let Err(RecipeError::Job(error)) = other else {
        panic!("{other:?}");
    };
    let error = error.to_string();
    assert!(error.contains("the setting `length`"), "{error}");
}

#[test]
fn photos_drawn_place_by_place_resume_to_the_same_model() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    let retrieval = "type = \"retrieval\"\ndim = 8\npositive_km = 0.6\nnegative_km = 5.0";
    let mut recipe = recipe(retrieval, "");
    recipe.training.photos_per_place = Some(2);
    let run = |name: &str, recipe: &Recipe, interrupt: bool| {
        let mut options = options(&folder.path().join(name));
        options.interrupt = interrupt.then(|| Arc::new(AtomicBool::new(true)));
        train(recipe, read(&csv, recipe), &options)
    };
    let whole = run("whole", &recipe, false).unwrap();
    for _ in 0..2 {
        run("cut", &recipe, true).unwrap_err();
    }
    let resumed = run("cut", &recipe, false).unwrap();
    assert_eq!(resumed.report, whole.report);
    // It is another run than that of photos drawn one by one.
    recipe.training.photos_per_place = None;
    let plain = run("plain", &recipe, false).unwrap();
    assert_ne!(plain.report.curves, whole.report.curves);
    // No two photos are within a metre of each other.
    let retrieval = retrieval.replace("0.6", "0.001");
    let mut recipe = self::recipe(&retrieval, "");
    recipe.training.photos_per_place = Some(2);
    recipe.training.validate_every_epochs = 0.0;
    let alone = run("alone", &recipe, false);
    assert!(matches!(alone, Err(RecipeError::Places(_))), "{alone:?}");
}

/// A recipe that is trained to the end, with half of the photos for validation.
fn half_for_validation(approach: &str, partition: &str) -> Recipe {
    let mut recipe = recipe(approach, partition);
    recipe.split = SplitConfig::Stratified {
        validation: 0.5,
        test: 0.25,
        seed: 1,
        groups: false,
    };
    recipe.training.phases[1].steps = Some(40);
    recipe
}

#[test]
fn a_gallery_says_how_sure_it_may_be() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    for i in (0..42).step_by(6) {
        let file = |i: usize| folder.path().join(format!("{i:02}.png"));
        std::fs::copy(file(i + 1), file(i)).unwrap();
    }
    let geoclip = "type = \"geoclip\"\nqueue = 6\nlocation = { sigmas = [1.0, 16.0], frequencies = 8, \
                   hidden = 16, width = 8 }";
    let retrieval = "type = \"retrieval\"\ndim = 8\npositive_km = 0.6\nnegative_km = 5.0";
    for (approach, name) in [(geoclip, "geoclip"), (retrieval, "retrieval")] {
        let recipe = half_for_validation(approach, "");
        let out = options(&folder.path().join(name));
        let outcome = train(&recipe, read(&csv, &recipe), &out).unwrap();
        let temperature: f64 = outcome.report.settings["temperature"].parse().unwrap();
        assert!((temperature - 1.0).abs() > 1e-3, "{name}: {temperature}");
        let artifact = Artifact::open(&outcome.model).unwrap();
        let settings = &artifact.component("model").unwrap().settings;
        let number = |key: &str| settings[key].as_f64().unwrap();
        if name == "retrieval" {
            // The factor of the cosine, 30 in the recipe, holds it.
            assert!((number("scale") - 30.0 / temperature).abs() < 1e-9);
        } else {
            assert!(number("temperature").total_cmp(&temperature).is_eq());
        }
    }
}

#[test]
fn a_classifier_says_how_sure_it_may_be() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    // Every sixth photo looks like one of the next town: nobody can be sure.
    for i in (0..42).step_by(6) {
        let file = |i: usize| folder.path().join(format!("{i:02}.png"));
        std::fs::copy(file(i + 1), file(i)).unwrap();
    }
    for (approach, partition) in [
        ("type = \"classifier\"", CELLS),
        ("type = \"classes\"", CLASSES),
        ("type = \"cosine\"\nmargin = 0.0", CELLS),
        ("type = \"hierarchical\"", NESTED),
        ("type = \"combinatorial\"", SETS),
        ("type = \"hybrid\"", CELLS),
        ("type = \"scene_experts\"", CELLS),
    ] {
        let recipe = half_for_validation(approach, partition);
        let out = options(&folder.path().join(recipe.approach.name()));
        let outcome = train(&recipe, read(&csv, &recipe), &out).unwrap();
        let figure = |key: &str| outcome.report.settings[key].parse::<f64>().unwrap();
        let temperature = figure("temperature");
        assert!((temperature - 1.0).abs() > 1e-3, "{temperature}");
        for key in ["before", "after"] {
            let error = figure(&format!("validation_calibration_error_{key}"));
            assert!((0.0..=1.0).contains(&error), "{error}");
        }
        let method = &outcome.report.methods[0];
        assert!(method.extra["expected calibration error"].is_finite());
        // The file's answer is the softmax of logits divided by the temperature: without it, the same
        // place with another probability.
        let mut artifact = Artifact::open(&outcome.model).unwrap();
        let settings = artifact.component("model").unwrap().settings.clone();
        let stored = settings["temperature"].as_f64().unwrap();
        assert!(stored.total_cmp(&temperature).is_eq());
        let photo = || decode_photo(folder.path().join(&method.predictions[0].id)).unwrap();
        let answer = |artifact: &Artifact| {
            let locator = load_any(artifact, None, &Device::flex()).unwrap();
            locator.locate(&[photo()]).pop().unwrap().unwrap()
        };
        let calibrated = answer(&artifact);
        let kind = artifact.component("model").unwrap().kind.clone();
        let mut plain = settings.as_object().unwrap().clone();
        plain["temperature"] = 1.0.into();
        artifact.insert_component("model", &kind, &plain).unwrap();
        let plain = answer(&artifact);
        assert_eq!(plain.location, calibrated.location);
        let (p, q) = (plain.candidates, calibrated.candidates);
        let odds = |c: &[geoloc::geo_cells::Candidate]| (c[0].probability / c[1].probability).ln();
        assert!((odds(&p) / temperature - odds(&q)).abs() < 1e-4 * odds(&p).abs().max(1e-2));
    }
}

#[test]
fn frozen_features_train_the_head_that_frozen_images_do() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    let mut images = recipe("type = \"classifier\"", CELLS);
    images.augment = Augment::default();
    let config = images.encoder.config.clone().unwrap();
    images.encoder.weights = Some(weights_of(&config, folder.path()));
    images.training.phases.truncate(1);
    images.training.phases[0].steps = Some(30);
    let mut features = images.clone();
    features.encoder.frozen = true;
    let run = |recipe: &Recipe, name: &str| {
        let out = options(&folder.path().join(name));
        train(recipe, read(&csv, recipe), &out).unwrap()
    };
    let (images, features) = (run(&images, "images"), run(&features, "features"));
    // Both heads learn four colours from random features; the fresh heads differ.
    for outcome in [&images, &features] {
        let method = &outcome.report.methods[0];
        assert!(method.distance.share_within(25.0).unwrap() > 0.9);
        let curve = &outcome.report.curves[0].points;
        let losses: Vec<f64> = curve.iter().filter_map(|p| p.train_loss).collect();
        assert!(losses.last().unwrap() < &losses[0]);
    }
    // A frozen encoder is the one that it began as.
    let encoder = |outcome: &TrainOutcome| {
        let artifact = Artifact::open(&outcome.model).unwrap();
        let component = artifact.component("model").unwrap();
        component.settings["encoder"].clone()
    };
    assert_eq!(encoder(&images), encoder(&features));
}

#[test]
fn a_folder_of_classes_and_a_group_column_decide_the_split() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    let root = folder.path().join("classes");
    for i in 0..48 {
        let class = root.join(format!("town {}", i % 4));
        std::fs::create_dir_all(&class).unwrap();
        let name = format!("{i:02}.png");
        std::fs::copy(folder.path().join(&name), class.join(&name)).unwrap();
    }
    let recipe = recipe("type = \"classes\"", CLASSES);
    // Without places nothing can be used, and the reasons are told.
    let error = read_photos(&root, &recipe.data, ProgressMode::Hidden).unwrap_err();
    assert!(error.to_string().contains("no photo is left of"), "{error}");
    let places = "name,latitude,longitude\ntown 0,48.8,2.3\ntown 1,-33.9,151.2\ntown 2,40.7,-74\n";
    std::fs::write(root.join("classes.csv"), places).unwrap();
    let photos = read(&root, &recipe);
    assert_eq!(photos.photos.len(), 36);
    assert!(photos.remarks.iter().any(|s| s.contains("class town 3")));
    let out = folder.path().join("out");
    let outcome = train(&recipe, photos, &options(&out)).unwrap();
    assert_eq!(outcome.report.settings["classes"], "3");
    // 64, 16 and 20 % of 12 photos a class.
    assert_eq!(outcome.report.settings["training_photos"], "24");
    assert_eq!(outcome.report.settings["test_photos"], "6");
    assert!(outcome.report.methods[0].extra.contains_key("macro F1"));
    let mut grouped = recipe.clone();
    grouped.data.group = "day".into();
    let error = read_photos(&csv, &grouped.data, ProgressMode::Hidden).unwrap_err();
    assert!(error.to_string().contains("`day`"), "{error}");
}

/// Writes the weights that an encoder begins with to a file.
fn weights_of(config: &AnyEncoderConfig, folder: &Path) -> PathBuf {
    let device = Device::flex();
    device.seed(77);
    let encoder = config.init(&device).unwrap();
    draw_weights(&encoder);
    let path = folder.join("weights.bpk");
    let bytes = encoder.into_record().into_bytes().unwrap();
    std::fs::write(&path, &bytes[..]).unwrap();
    path
}

/// A recipe that trains a pooling on tokens of a frozen encoder.
fn pooled(pooling: &str, folder: &Path) -> Recipe {
    let mut recipe = recipe("type = \"classifier\"", CELLS);
    // Four tokens of width 32.
    let config = AnyEncoderConfig::from(ResNetConfig {
        input_size: [64, 64],
        width: 4,
        blocks: [1, 1, 1, 1],
        ..ResNetConfig::resnet18()
    });
    recipe.input.resize = Some(66);
    recipe.augment = Augment::default();
    recipe.encoder.weights = Some(weights_of(&config, folder));
    recipe.encoder.config = Some(config);
    recipe.encoder.frozen = true;
    recipe.encoder.pooling = Some(serde_json::from_str(pooling).unwrap());
    recipe.training.phases.remove(0);
    recipe.training.checkpoint_every = 50;
    recipe
}

const POOLINGS: [&str; 3] = [
    r#"{ "type": "net_vlad", "clusters": 3 }"#,
    r#"{ "type": "salad", "clusters": 3, "cluster_width": 4, "global_width": 4, "hidden": 8,
         "dropout": 0.2, "iterations": 3 }"#,
    r#"{ "type": "spatial_softmax", "heads": 2, "width": 8 }"#,
];

/// Names and bytes of the parameters of a model file below a part.
fn tensors(model: &Path, part: &str) -> Vec<(String, Vec<u8>)> {
    let tensors = burn_pack::Reader::from_file(model).unwrap().into_tensors();
    let prefix = format!("model/weights/{part}");
    let tensors = tensors.unwrap().into_iter();
    let tensors = tensors.filter(|t| t.name.starts_with(&prefix));
    let tensors = tensors.map(|t| (t.name.clone(), t.to_bytes().unwrap().to_vec()));
    let found: Vec<_> = tensors.collect();
    assert!(!found.is_empty(), "{prefix}");
    found
}

#[test]
fn a_pooling_learns_on_the_tokens_of_a_frozen_encoder() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    for (k, pooling) in POOLINGS.into_iter().enumerate() {
        let base = pooled(pooling, folder.path());
        let run = |steps: u64, name: &str, interrupt: bool| {
            let mut recipe = base.clone();
            recipe.training.phases[0].steps = Some(steps);
            // A rate at which one step changes nothing that could be seen.
            if steps == 1 {
                recipe.training.phases[0].learning_rate = 1e-30;
            }
            let mut options = options(&folder.path().join(format!("{k} {name}")));
            options.interrupt = interrupt.then(|| Arc::new(AtomicBool::new(true)));
            train(&recipe, read(&csv, &recipe), &options)
        };
        let start = run(1, "start", false).unwrap();
        let outcome = run(150, "whole", false).unwrap();
        let method = &outcome.report.methods[0];
        assert!(
            method.distance.share_within(25.0).unwrap() > 0.9,
            "{pooling}: {:?}",
            method.distance
        );
        // Every parameter of the pooling is trained, but for a bias that a softmax takes out; none of
        // the encoder.
        let part = |model: &Path, part| tensors(model, part).into_iter();
        let (begun, trained) = (&start.model, &outcome.model);
        let pairs = part(begun, "encoder.pooling").zip(part(trained, "encoder.pooling"));
        for ((name, a), (_, b)) in pairs.filter(|((name, _), _)| !name.ends_with("attention.bias"))
        {
            assert_ne!(a, b, "{pooling}: {name}");
        }
        assert!(part(begun, "encoder.encoder").eq(part(trained, "encoder.encoder")));
        // The file answers what the trained model was judged by: tokens that were computed once.
        let photo = decode_photo(folder.path().join(&method.predictions[0].id)).unwrap();
        let estimate = locator(&outcome.model).locate(&[photo]).pop().unwrap();
        assert_eq!(
            Some(estimate.unwrap().location),
            method.predictions[0].predicted
        );
        for _ in 0..3 {
            run(150, "cut", true).unwrap_err();
        }
        let resumed = run(150, "cut", false).unwrap();
        assert_eq!(resumed.report, outcome.report);
        assert_eq!(
            tensors(&resumed.model, "encoder"),
            tensors(&outcome.model, "encoder")
        );
    }
}

#[test]
fn a_pooling_learns_from_tokens_what_it_learns_from_images() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    for pooling in POOLINGS {
        let base = pooled(pooling, folder.path());
        let losses = |images: bool| {
            let mut recipe = base.clone();
            recipe.training.phases[0].steps = Some(30);
            if images {
                recipe.encoder.frozen = false;
                recipe.training.phases[0].frozen = vec!["encoder.encoder".into()];
            }
            let out = options(&folder.path().join(format!("{images} {}", pooling.len())));
            let outcome = train(&recipe, read(&csv, &recipe), &out).unwrap();
            let points = outcome.report.curves[0].points.clone().into_iter();
            points.filter_map(|p| p.train_loss).collect::<Vec<f64>>()
        };
        let (tokens, images) = (losses(false), losses(true));
        assert!(
            tokens.len() == 3 && tokens[2] < 0.9 * tokens[0],
            "{tokens:?}"
        );
        for (a, b) in tokens.iter().zip(&images) {
            assert!((a - b).abs() < 1e-3 * b, "{pooling}: {tokens:?} {images:?}");
        }
    }
}

#[test]
fn a_validation_without_pairs_is_refused_and_one_with_pairs_says_something() {
    let _turn = turn();
    let retrieval = |positive: f64| {
        format!("type = \"retrieval\"\ndim = 8\npositive_km = {positive}\nnegative_km = 5.0")
    };
    let validate = |recipe: &mut Recipe, _: &mut PhotoList| {
        recipe.training.batch = 4;
        recipe.training.validate_every_epochs = 0.5;
        recipe.training.patience = Some(3);
        recipe.training.phases[1].steps = Some(12);
    };
    // No two photos are within a metre of each other: the loss would be 0 whatever is trained.
    let error = run_with(validate, &retrieval(0.001), "").unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("`training.validate_every_epochs`") && text.contains("set 0"),
        "{text}"
    );
    let off = |recipe: &mut Recipe, _: &mut PhotoList| recipe.training.validate_every_epochs = 0.0;
    assert!(run_with(off, &retrieval(0.001), "").is_ok());
    for drawn in [None, Some(2)] {
        let change = |recipe: &mut Recipe, list: &mut PhotoList| {
            validate(recipe, list);
            recipe.training.photos_per_place = drawn;
            let places: Vec<_> = list.photos.iter().map(|p| p.sample.location).collect();
            for (i, photo) in list.photos.iter_mut().enumerate() {
                photo.sample.location = places[i / 4 * 4 + (i + i / 4) % 4];
            }
        };
        // Two photos of a town are within 0.6 km; towns take turns in the list, so that four photos in
        // its order have no pair. Colours say less than before, or no pair would be hard.
        let outcome = run_with(change, &retrieval(0.6), "").unwrap();
        let points = outcome.report.curves[0].points.iter();
        let losses: Vec<f64> = points.filter_map(|p| p.validation_loss).collect();
        assert!(
            losses.len() > 2 && losses.iter().all(|l| *l > 0.0),
            "{losses:?}"
        );
        assert!(
            losses.windows(2).all(|w| w[1].total_cmp(&w[0]).is_ne()),
            "{losses:?}"
        );
    }
}

/// Runs a changed recipe on changed photos.
fn run_with(
    change: impl Fn(&mut Recipe, &mut PhotoList),
    approach: &str,
    partition: &str,
) -> Result<TrainOutcome, RecipeError> {
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    let mut recipe = recipe(approach, partition);
    let mut photos = read(&csv, &recipe);
    change(&mut recipe, &mut photos);
    let out = folder.path().join("out");
    train(&recipe, photos, &options(&out))
}

#[test]
fn all_photos_at_one_place_are_one_class() {
    let _turn = turn();
    let one = |_: &mut Recipe, list: &mut PhotoList| {
        let place = list.photos[0].sample.location;
        for photo in &mut list.photos {
            photo.sample.location = place;
        }
    };
    for (approach, partition) in [
        ("type = \"classifier\"", CELLS),
        ("type = \"hybrid\"", CELLS),
        ("type = \"hierarchical\"", NESTED),
        ("type = \"combinatorial\"", SETS),
        ("type = \"unit_regression\"\nhidden = 4", ""),
        ("type = \"mixture\"", ""),
        ("type = \"retrieval\"\ndim = 4", ""),
    ] {
        let change = |recipe: &mut Recipe, list: &mut PhotoList| {
            one(recipe, list);
            // Without a second place a loss over pairs cannot be validated.
            if recipe.approach.place_km().is_some() {
                recipe.training.validate_every_epochs = 0.0;
            }
        };
        let outcome = run_with(change, approach, partition);
        let outcome = outcome.unwrap_or_else(|e| panic!("{approach}: {e}"));
        assert_eq!(outcome.steps, 5);
        if !partition.is_empty() {
            let notes = &outcome.report.notes;
            assert!(
                notes.iter().any(|n| n.contains("single class")),
                "{notes:?}"
            );
            let median = outcome.report.methods[0].distance.median_km.as_ref();
            // Offsets of a hybrid reach 1 km at least.
            assert!(median.unwrap().value < 2.0);
        }
    }
}

#[test]
fn batches_of_one_and_of_more_than_all_photos_train() {
    let _turn = turn();
    for batch in [1, 500] {
        for (approach, partition) in [
            ("type = \"classifier\"", CELLS),
            (
                "type = \"geoclip\"\nqueue = 0\nlocation = { sigmas = [1.0], frequencies = 2, hidden = 4, width = 4 }",
                "",
            ),
            (
                "type = \"retrieval\"\ndim = 4\npositive_km = 0.6\nnegative_km = 5.0",
                "",
            ),
        ] {
            let change = |recipe: &mut Recipe, _: &mut PhotoList| recipe.training.batch = batch;
            let outcome = run_with(change, approach, partition);
            assert_eq!(outcome.unwrap().steps, 5, "{approach}");
        }
    }
}

#[test]
fn photos_without_a_class_are_left_out_and_told() {
    let _turn = turn();
    let some = |recipe: &mut Recipe, list: &mut PhotoList| {
        recipe.data.group = "group".into();
        for photo in list.photos.iter_mut().step_by(4) {
            photo.class = None;
        }
    };
    let outcome = run_with(some, "type = \"classes\"", CLASSES).unwrap();
    assert_eq!(outcome.report.settings["classes"], "3");
    assert!(
        outcome
            .report
            .notes
            .iter()
            .any(|n| n.contains("have no class"))
    );
    // Cells with too few photos are no classes; when none is left, the key is named.
    let few = |recipe: &mut Recipe, _: &mut PhotoList| {
        if let Some(PartitionChoice::Adaptive(p)) = &mut recipe.partition {
            (p.split_above, p.drop_below) = (100, 100);
        }
    };
    let error = run_with(few, "type = \"classifier\"", CELLS).unwrap_err();
    assert!(error.to_string().starts_with("`partition`"), "{error}");
    let all = |_: &mut Recipe, list: &mut PhotoList| list.photos.truncate(0);
    let error = run_with(all, "type = \"classifier\"", CELLS).unwrap_err();
    assert!(error.to_string().starts_with("`split`"), "{error}");
}

#[test]
fn a_learning_rate_of_1e3_ends_in_an_error_or_a_finite_model() {
    let _turn = turn();
    for approach in [
        ("type = \"classifier\"", CELLS),
        ("type = \"scaled_regression\"\nhidden = 8", ""),
        ("type = \"mixture\"", ""),
    ] {
        let fast = |recipe: &mut Recipe, _: &mut PhotoList| {
            recipe.training.clip_norm = None;
            recipe.training.phases[1].steps = Some(40);
            for phase in &mut recipe.training.phases {
                phase.learning_rate = 1e3;
            }
        };
        match run_with(fast, approach.0, approach.1) {
            Ok(outcome) => {
                let points = &outcome.report.curves[0].points;
                let losses: Vec<f64> = points.iter().filter_map(|p| p.train_loss).collect();
                assert!(!losses.is_empty() && losses.iter().all(|l| l.is_finite()));
                let answers = outcome.report.methods[0].predictions.iter();
                let answers: Vec<_> = answers.filter_map(|p| p.distance_km).collect();
                assert!(!answers.is_empty() && answers.iter().all(|km| km.is_finite()));
            }
            Err(RecipeError::Train(e)) => {
                assert!(
                    e.to_string().contains("lower the learning rate")
                        || e.to_string().contains("validation"),
                    "{e}"
                );
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Names of all parameters.
fn names<M: Module>(module: M) -> Vec<String> {
    draw_weights(&module);
    let bytes = module.into_record().into_bytes().unwrap();
    let reader = burn_pack::Reader::from_bytes(bytes).unwrap();
    let mut names: Vec<String> = reader.tensor_names().iter().map(|&n| n.into()).collect();
    names.sort();
    names
}

#[test]
fn any_encoder_has_the_names_of_the_encoder_inside() {
    let _turn = turn();
    let device = Device::flex();
    let small = SmallCnnConfig {
        input_size: 16,
        channels: vec![4],
    };
    let any = AnyEncoderConfig::from(small.clone());
    assert_eq!(
        names(any.init(&device).unwrap()),
        names(small.init(&device).unwrap())
    );
    let pooled = PooledConfig {
        encoder: ResNetConfig {
            input_size: [32, 32],
            width: 4,
            blocks: [1, 1, 1, 1],
            ..ResNetConfig::resnet18()
        },
        pooling: PoolingConfig::Gem { p: 3.0 },
        normalise: true,
    };
    let any = AnyEncoderConfig::from(pooled.clone());
    let found = names(any.init(&device).unwrap());
    assert!(found.iter().any(|n| n.starts_with("encoder.")));
    assert_eq!(found, names(pooled.init(&device).unwrap()));
    for name in NamedEncoder::all() {
        let published = name.parts(None);
        let (width, height) = published.input.output_size();
        let fits = published
            .config
            .check_input(width as usize, height as usize);
        assert!(fits.is_ok(), "{name}");
        assert_eq!(name.to_string().parse(), Ok(name));
    }
}

#[test]
fn weights_of_others_are_where_training_begins() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    let device = Device::flex();
    let config = AnyEncoderConfig::from(SmallCnnConfig {
        input_size: 16,
        channels: vec![4, 8],
    });
    device.seed(77);
    let original = config.init(&device).unwrap();
    draw_weights(&original);
    let weights = folder.path().join("weights.bpk");
    let bytes = original.clone().into_record().into_bytes().unwrap();
    std::fs::write(&weights, &bytes[..]).unwrap();
    let image = Tensor::<4>::random([1, 3, 16, 16], Distribution::Default, &device);
    let features = |encoder: &AnyEncoder| {
        let features = encoder.valid().encode(image.clone()).pooled;
        features.try_into_vec_as::<f32>().unwrap()
    };
    for trained in [false, true] {
        let mut recipe = recipe("type = \"classifier\"", CELLS);
        recipe.encoder.weights = Some(weights.clone());
        recipe.training.phases.truncate(1 + usize::from(trained));
        let out = folder.path().join(format!("trained {trained}"));
        let outcome = train(&recipe, read(&csv, &recipe), &options(&out)).unwrap();
        let artifact = Artifact::open(&outcome.model).unwrap();
        let head = CellHeadConfig {
            cells: artifact.partition("model").unwrap().len(),
            dropout: 0.0,
        };
        let fresh = build_model(&config, &head, &device).unwrap();
        let model = artifact.load_module("model", fresh).unwrap();
        let same = features(&model.encoder) == features(&original);
        assert_eq!(same, !trained);
    }
    let mut recipe = recipe("type = \"classifier\"", CELLS);
    recipe.encoder.weights = Some(folder.path().join("none.bpk"));
    let out = folder.path().join("none");
    let error = train(&recipe, read(&csv, &recipe), &options(&out)).unwrap_err();
    assert!(error.to_string().contains("none.bpk"), "{error}");
    // The mistake does not claim the folder.
    recipe.encoder.weights = Some(weights);
    assert!(train(&recipe, read(&csv, &recipe), &options(&out)).is_ok());
}

/// A photo of a town: its colour, getting darker from the top, with a little noise.
fn view(town: usize, number: u64) -> Photo {
    let color = [[220, 90, 60], [60, 200, 90], [60, 90, 220], [200, 180, 60]][town];
    let pixel = |p: u64| {
        let noise = (geoloc::core::mix(number, p) % 9) as u8;
        let shade = (p / 24 * (2 + number % 3)) as u8;
        color.map(|c: u8| c.saturating_sub(shade).saturating_add(noise))
    };
    Photo::from_rgb(24, 20, (0..24 * 20).flat_map(pixel).collect()).unwrap()
}

#[test]
fn a_model_file_says_what_the_model_is_made_for() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let towns = [(48.8, 2.3), (-33.9, 151.2), (40.7, -74.0), (-1.3, 36.8)];
    let mut csv = String::from("path,latitude,longitude\n");
    for i in 0..240 {
        let (lat, lng) = towns[i % 4];
        let png = encode_png(&view(i % 4, i as u64)).unwrap();
        std::fs::write(folder.path().join(format!("{i}.png")), png).unwrap();
        writeln!(csv, "{i}.png,{},{lng}", lat + 0.002 * (i / 4) as f64).unwrap();
    }
    let path = folder.path().join("photos.csv");
    std::fs::write(&path, csv).unwrap();
    for (approach, partition) in [
        ("type = \"classifier\"", CELLS),
        ("type = \"scaled_regression\"\nhidden = 8", ""),
        (
            "type = \"retrieval\"\ndim = 8\npositive_km = 0.6\nnegative_km = 5.0",
            "",
        ),
    ] {
        let mut recipe = recipe(approach, partition);
        recipe.split = SplitConfig::Stratified {
            validation: 0.4,
            test: 0.1,
            seed: 1,
            groups: false,
        };
        let out = options(&folder.path().join(recipe.approach.name()));
        let outcome = train(&recipe, read(&path, &recipe), &out).unwrap();
        let model = locator(&outcome.model);
        let outside = |photos: &[Photo]| {
            let found = model.locate_checked(photos).into_iter();
            let outside = found.filter(|f| f.as_ref().unwrap().domain.is_outside());
            outside.count()
        };
        let usual: Vec<Photo> = (0..40).map(|i| view(i % 4, 1000 + i as u64)).collect();
        assert!(outside(&usual) <= 8, "{approach}: {}", outside(&usual));
        let noise = |k: u64| {
            let bytes = (0..24 * 20 * 3).map(|p| geoloc::core::mix(k, p) as u8);
            Photo::from_rgb(24, 20, bytes.collect()).unwrap()
        };
        let noise: Vec<Photo> = (0..20).map(noise).collect();
        assert_eq!(outside(&noise), 20, "{approach}");
        let note = |n: &String| n.contains("what the model is made for");
        assert!(!outcome.report.notes.iter().any(note));
    }

    // Of 48 photos too few are left for validation: the file says nothing, the report why.
    let folder = tempfile::tempdir().unwrap();
    let csv = data(folder.path());
    let recipe = recipe("type = \"classifier\"", CELLS);
    let out = options(&folder.path().join("few"));
    let outcome = train(&recipe, read(&csv, &recipe), &out).unwrap();
    let artifact = Artifact::open(&outcome.model).unwrap();
    assert_eq!(artifact.domain("model").unwrap(), None);
    let notes = &outcome.report.notes;
    let note = |n: &String| n.contains("what the model is made for");
    assert!(notes.iter().any(note), "{notes:?}");
}
