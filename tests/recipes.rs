//! The recipes of the repository, and what is wrong with others.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail loudly"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use geoloc::approach::{
    Approach, ApproachConfig, Gallery, GalleryOf, Ground, MakeDecoder, OutputOf, PhotoLabel,
    PhotoTargets, WithApproach,
};
use geoloc::backbones::pooling::{NetVladConfig, PoolingConfig};
use geoloc::burn::tensor::{Device, Distribution, Tensor};
use geoloc::core::{Decoder, FeatureSpec, Features, Head, HeadConfig, Loss};
use geoloc::geo_cells::LatLng;
use geoloc::recipe::{Length, PartitionChoice, PhaseChoice, Recipe, TrainedPart};

/// The recipes of the repository. That of the continental hybrid is of another kind: a list of
/// settings that no program reads.
fn recipes() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.retain(|f| !f.ends_with("continental_hybrid.toml"));
    files.sort();
    files
}

/// 300 places in 12 towns.
fn places() -> Arc<[LatLng]> {
    let place = |i: u32| {
        let town = f64::from(i % 12);
        let (x, y) = (f64::from(i / 12), f64::from(i % 7));
        LatLng::new(5.0 * town - 30.0 + 0.01 * x, 13.0 * town - 80.0 + 0.01 * y).unwrap()
    };
    (0..300).map(place).collect()
}

/// The same recipe for 300 places: thresholds and widths that fit.
fn reduced(mut recipe: Recipe) -> Recipe {
    match &mut recipe.partition {
        Some(PartitionChoice::Adaptive(p)) => (p.split_above, p.drop_below) = (40, 1),
        Some(PartitionChoice::Quadtree(p)) => p.split_above = 40,
        Some(PartitionChoice::Hierarchy(p)) => {
            (p.split_above, p.drop_below) = (vec![100, 30], 1);
        }
        Some(PartitionChoice::Combinatorial(p)) => {
            (p.base.split_above, p.base.drop_below) = (10, 1);
            for (k, set) in p.sets.iter_mut().enumerate() {
                set.classes = 5 + k;
            }
        }
        _ => {}
    }
    match &mut recipe.approach {
        ApproachConfig::Geoclip(options) => {
            options.location.hidden = 16;
            options.location.frequencies = 4;
            options.location.width = 8;
            options.queue = 20;
        }
        ApproachConfig::ScaledRegression(options) => options.hidden = 8,
        ApproachConfig::Retrieval(options) => options.dim = 8,
        _ => {}
    }
    recipe
}

/// Builds the head on features of width 6, and asks loss and decoder.
struct Build {
    places: Arc<[LatLng]>,
}

impl WithApproach for Build {
    type Output = usize;

    fn call<C, L, T, D>(self, approach: Approach<C, L, T, D>) -> usize
    where
        C: HeadConfig<Head: 'static>,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: PhotoTargets,
        D: MakeDecoder<C::Head>,
    {
        let device = Device::flex();
        let head = approach
            .head
            .init(&FeatureSpec::pooled(6), &device)
            .unwrap();
        let features = Tensor::<2>::random([4, 6], Distribution::Default, &device);
        let output = head.forward(Features::pooled(features));
        let labels: Vec<PhotoLabel> = (0..4)
            .map(|k| PhotoLabel {
                location: self.places[k],
                class: Some(k % 3),
                scene: Some(k % 3),
            })
            .collect();
        let target = approach.targets.encode(&labels, 1, &device).unwrap();
        let loss = approach.loss.forward(&output, &target).into_scalar::<f32>();
        assert!(loss.is_finite());
        let rows = match approach.decoder.gallery() {
            GalleryOf::Nothing => None,
            GalleryOf::Photos => approach.decoder.photo_rows(output.clone()),
            GalleryOf::Places(_) => approach
                .decoder
                .place_rows(&head, &self.places[..4], &device),
        };
        let gallery = rows.map_or_else(Gallery::default, |rows| Gallery {
            dim: rows.dims()[1],
            embeddings: rows.try_into_vec_as().unwrap(),
            places: self.places[..4].to_vec(),
        });
        let decoder = approach.decoder.make(&head, gallery).unwrap();
        let answers = decoder.decode(output).unwrap();
        answers.into_iter().flatten().count()
    }
}

#[test]
fn every_recipe_is_read_and_its_head_built() {
    let places = places();
    let towns: Vec<String> = (0..300).map(|i| format!("town {:02}", i % 12)).collect();
    let towns: Vec<&str> = towns.iter().map(String::as_str).collect();
    let files = recipes();
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        let recipe = Recipe::read(&file).unwrap_or_else(|e| panic!("{e}"));
        let written = toml::to_string(&recipe).unwrap();
        assert_eq!(Recipe::parse(&written, "again").unwrap(), recipe);
        let recipe = reduced(recipe);
        let ground = match &recipe.partition {
            Some(partition) => partition.build(&places, &towns).unwrap(),
            None => Ground::Whole,
        };
        assert!(
            ground.sizes().iter().all(|n| *n > 2),
            "{:?}",
            ground.sizes()
        );
        let build = Build {
            places: places.clone(),
        };
        let answers = recipe.approach.with(&ground, &places, build).unwrap();
        assert_eq!(answers, 4, "{}", file.display());
    }
}

const GOOD: &str = r#"
title = "test"

[partition]
type = "adaptive"
split_above = 10
drop_below = 1

[encoder]
config = { type = "small_cnn", input_size = 16, channels = [4] }

[approach]
type = "classifier"

[training]
batch = 4
[[training.phases]]
epochs = 1
learning_rate = 1e-3
"#;

#[test]
fn what_makes_no_sense_is_named() {
    assert!(Recipe::parse(GOOD, "good").is_ok());
    let cases = [
        ("title = \"test\"", "titel = \"test\"", "titel"),
        ("split_above = 10", "split_over = 10", "split_over"),
        ("batch = 4", "batch = 4\nmomentum = 0.9", "momentum"),
        (
            "type = \"classifier\"",
            "type = \"classifier\"\nhidden = 3",
            "hidden",
        ),
        ("type = \"classifier\"", "type = \"clasifier\"", "clasifier"),
        (
            "type = \"classifier\"",
            "type = \"hierarchical\"",
            "`partition`",
        ),
        ("type = \"classifier\"", "type = \"flow\"", "`partition`"),
        (
            "type = \"classifier\"",
            "type = \"classes\"",
            "`partition.type`",
        ),
        ("batch = 4", "batch = 0", "`training.batch`"),
        (
            "batch = 4",
            "batch = 4\npatience = 2\nvalidate_every_epochs = 0",
            "patience",
        ),
        (
            "batch = 4",
            "batch = 4\nphotos_per_place = 2",
            "`training.photos_per_place`: the approach `classifier`",
        ),
        (
            "epochs = 1",
            "epochs = 1\nsteps = 3",
            "`training.phases[0].epochs`",
        ),
        ("epochs = 1", "", "`training.phases[0].epochs`"),
        ("epochs = 1", "epochs = -1", "`training.phases[0].epochs`"),
        ("learning_rate = 1e-3", "learning_rate = -1.0", "`training`"),
        ("[encoder]", "[encoder]\nname = \"resnet50\"", "`encoder`"),
        ("[encoder]", "[encoder]\nside = 32", "`encoder.side`"),
        (
            "[encoder]",
            "[encoder]\nnormalise = true",
            "`encoder.normalise`",
        ),
        (
            "[encoder]\nconfig = { type = \"small_cnn\", input_size = 16, channels = [4] }",
            "[encoder]\nname = \"resnet51\"",
            "resnet51",
        ),
        (
            "[encoder]",
            "[augment]\nflip = 0.5\n[encoder]\nfrozen = true",
            "`augment`",
        ),
        (
            "[encoder]",
            "[encoder]\nfrozen = true",
            "`encoder.frozen`: needs `weights`",
        ),
        (
            "epochs = 1",
            "epochs = 1\nfrozen = [\"encoder\"]",
            "`training.phases`: all of them freeze `encoder`",
        ),
        (
            "batch = 4",
            "batch = 4\nvalidate_every_epochs = -1.0",
            "`training.validate_every_epochs`",
        ),
        ("[encoder]", "[augment]\nflip = 2.0\n[encoder]", "flip = 2"),
        ("[encoder]", "[input]\nresize = 8\n[encoder]", "`input`"),
        (
            "[encoder]",
            "[evaluation]\nradii_km = [2.0, 1.0]\n[encoder]",
            "`evaluation.radii_km`",
        ),
        (
            "[encoder]",
            "[split]\nkind = \"randomly\"\n[encoder]",
            "randomly",
        ),
        (
            "[encoder]",
            "[split]\nkind = \"stratified\"\nshare = 1\n[encoder]",
            "share",
        ),
    ];
    for (from, to, named) in cases {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let error = Recipe::parse(&text, "bad.toml").unwrap_err().to_string();
        assert!(error.contains(named), "{to}: {error}");
    }
}

#[test]
fn photos_of_a_place_have_to_fit_the_batch() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/places.toml");
    let mut recipe = Recipe::read(file).unwrap();
    let (batch, photos) = (recipe.training.batch, recipe.training.photos_per_place);
    assert!(photos.is_some_and(|k| k > 1 && batch.is_multiple_of(k)));
    for photos in [0, 1, batch - 1, batch] {
        recipe.training.photos_per_place = Some(photos);
        let error = recipe.check().unwrap_err().to_string();
        assert!(error.starts_with("`training.photos_per_place`"), "{error}");
    }
}

#[test]
fn lengths_follow_the_photos_and_the_call() {
    let mut training = Recipe::parse(GOOD, "good").unwrap().training;
    let phase = |epochs| PhaseChoice {
        epochs: Some(epochs),
        steps: None,
        frozen: vec!["encoder".into()],
        ..training.phases[0].clone()
    };
    training.phases = vec![phase(1.0), phase(2.0), phase(2.0)];
    let steps = |photos, length| {
        let config = training
            .trainer_config(photos, length, TrainedPart::Whole)
            .unwrap();
        assert_eq!(config.phases[0].frozen, ["model.encoder"]);
        config.phases.iter().map(|p| p.steps).collect::<Vec<u64>>()
    };
    // 42 photos in batches of 4: 10.5 steps an epoch.
    assert_eq!(steps(42, None), [11, 21, 21]);
    assert_eq!(steps(42, Some(Length::Steps(10))), [2, 4, 4]);
    assert_eq!(steps(42, Some(Length::Epochs(1.0))), [2, 5, 4]);
    assert_eq!(steps(1, None), [1, 1, 1]);
    // Of a short run the first phases are left out, too.
    assert_eq!(steps(42, Some(Length::Steps(1))), [1]);
    let frozen = |names: &[&str], trained| {
        let mut training = training.clone();
        training.phases.truncate(1);
        training.phases[0].frozen = names.iter().map(|&name| name.into()).collect();
        let config = training.trainer_config(42, None, trained).unwrap();
        config.phases[0].frozen.clone()
    };
    // Names of parts that are not there in the training are left out.
    let names = ["encoder.encoder.stem", "encoder.pooling", "encoder", "head"];
    assert_eq!(frozen(&names, TrainedPart::Nothing), ["model.head"]);
    let pooling = ["model.encoder.pooling", "model.encoder", "model.head"];
    assert_eq!(frozen(&names, TrainedPart::Pooling), pooling);
    assert_eq!(frozen(&names, TrainedPart::Whole).len(), 4);
    assert!(
        !training
            .trainer_config(42, None, TrainedPart::Whole)
            .unwrap()
            .decay_vectors
    );
}

#[test]
fn weights_that_begin_at_random_have_to_be_trained() {
    let mut recipe = Recipe::parse(GOOD, "good").unwrap();
    recipe.encoder.weights = Some("weights.bpk".into());
    recipe.encoder.frozen = true;
    let trained = |recipe: &Recipe| {
        recipe
            .encoder
            .trained(&recipe.encoder.resolve().unwrap().config)
    };
    assert!(recipe.check().is_ok());
    assert_eq!(trained(&recipe), TrainedPart::Nothing);
    recipe.encoder.pooling = Some(PoolingConfig::Gem { p: 3.0 });
    assert!(recipe.check().is_ok());
    assert_eq!(trained(&recipe), TrainedPart::Nothing);
    recipe.encoder.pooling = Some(PoolingConfig::NetVlad(NetVladConfig { clusters: 3 }));
    assert!(recipe.check().is_ok());
    assert_eq!(trained(&recipe), TrainedPart::Pooling);
    // Whether on images or on tokens, a pooling that always rests stays random.
    for frozen in [true, false] {
        for name in ["encoder", "encoder.pooling"] {
            recipe.encoder.frozen = frozen;
            recipe.training.phases[0].frozen = vec![name.into()];
            let error = recipe.check().unwrap_err().to_string();
            let expected = "`training.phases`: all of them freeze `encoder.pooling`";
            assert!(error.starts_with(expected), "{error}");
        }
        recipe.training.phases[0].frozen = vec!["encoder.encoder".into()];
        assert!(recipe.check().is_ok());
    }
    recipe.encoder.frozen = false;
    recipe.encoder.weights = None;
    let error = recipe.check().unwrap_err().to_string();
    assert!(error.contains("freeze `encoder.encoder`"), "{error}");
}
