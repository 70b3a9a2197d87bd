//! Embeddings, alone and beside another task, of two branches and against places.

use crate::batches::{BATCH, SamePairs, SamePlaces, at, images, truth};
use crate::check::{check, fit, with_every_encoder};
use crate::encoders::Build;
use crate::ground::Ground;
use geoloc::backbones::geoclip::LocationEncoderConfig;
use geoloc::burn::module::Module;
use geoloc::burn::tensor::Device;
use geoloc::core::{
    Decoder, Encoder, EncoderConfig, GeoModel, HeadConfig, PairTraining, PlaceContrastModel,
    PlaceContrastTraining, TwoBranch, contract,
};
use geoloc::geo_cells::LatLng;
use geoloc::heads::cell::{CellDecoder, CellHeadConfig};
use geoloc::heads::density::NeighbourDensity;
use geoloc::heads::embedding::EmbeddingHeadConfig;
use geoloc::heads::multitask::{FirstTask, TwoTaskHeadConfig};
use geoloc::heads::prototype::{Prototype, PrototypeDecoder};
use geoloc::heads::within_cell::SearchWithinCell;
use geoloc::locate::{GalleryDecoder, NeighbourDecoder, index_embeddings};
use geoloc::losses::{
    CellClasses, CrossEntropy, DecoupledInfoNce, DistanceRelations, InfoNce, MilNce,
    MultiSimilarity, PairMasks, PlaceContrast, SoftMarginTriplet, UncertaintyWeighted, WeightedSum,
};
use std::sync::Arc;

#[test]
fn two_tasks() {
    let ground = Ground::new();
    let cells = &ground.cells;
    let prototypes = (0..cells.len())
        .map(|class| {
            let place = cells.location(class).unwrap();
            vec![Prototype::new(vec![(vec![0.5; 4], place)]).unwrap()]
        })
        .collect();
    let refined = PrototypeDecoder::new(cells.clone(), prototypes);
    let photos: Vec<(Vec<f32>, LatLng)> = (0..cells.len())
        .map(|class| (vec![0.5; 4], cells.location(class).unwrap()))
        .collect();
    let within = SearchWithinCell::new(cells.clone(), &photos).unwrap();
    let first = FirstTask(CellDecoder::new(cells.clone(), 3));
    with_every_encoder(|on| {
        let cell = CellHeadConfig {
            cells: cells.len(),
            dropout: 0.0,
        };
        let relations = DistanceRelations {
            positive_km: 1.0,
            negative_km: 10.0,
        };
        let targets = (CellClasses::new(cells.clone()), relations);
        let head = TwoTaskHeadConfig {
            first: cell,
            second: EmbeddingHeadConfig { dim: 4 },
        };
        let uncertain = UncertaintyWeighted {
            first: CrossEntropy::default(),
            second: MultiSimilarity::default(),
        };
        check(
            on,
            &head,
            uncertain,
            targets.clone(),
            &[&first, &refined, &within],
        );
        let weighted = WeightedSum {
            first: CrossEntropy::default(),
            second: MilNce::default(),
            weights: [1.0, 0.5],
        };
        check(on, &head, weighted, targets, &[&first]);
    });
}

#[test]
fn embeddings() {
    let rows: Vec<f32> = (0..8)
        .flat_map(|i| [0.6, 0.8, 0.0, 0.1 * i as f32])
        .collect();
    let places: Arc<[LatLng]> = (0..8).map(|i| at(5.0 * f64::from(i), 20.0)).collect();
    let index = Arc::new(index_embeddings(&rows, 4).unwrap());
    let gallery = GalleryDecoder::new(index.clone(), places.clone(), 10.0, 50.0, 3);
    let density = NeighbourDecoder::new(index, places, NeighbourDensity::default(), 5);
    let head = EmbeddingHeadConfig { dim: 4 };
    let relations = DistanceRelations {
        positive_km: 1.0,
        negative_km: 10.0,
    };
    with_every_encoder(|on| {
        let similar = MultiSimilarity::default();
        check(on, &head, similar, relations, &[&gallery, &density]);
        check(on, &head, MilNce::default(), relations, &[&gallery]);
    });
}

#[test]
fn two_branches() {
    let masks = PairMasks { radius_km: 1.0 };
    let branch = |build: Build, device: &Device| {
        let encoder = build(device);
        let head = EmbeddingHeadConfig { dim: 4 };
        let head = head.init(&encoder.spec(), device).unwrap();
        GeoModel { encoder, head }
    };
    with_every_encoder(|(build, device)| {
        let model = |device: &Device| {
            TwoBranch::new(branch(build, device), branch(build, device), 10.0, device)
        };
        macro_rules! check {
            ($criterion:expr) => {
                let autodiff = device.clone().autodiff();
                let learner = PairTraining {
                    model: model(&autodiff),
                    criterion: $criterion,
                };
                let trained = fit(learner, &SamePairs(masks), &autodiff).model;
                contract::check_round_trip(trained.clone(), model(device)).unwrap();
                // The tiles of the batch are the gallery.
                let tiles = trained.aerial.forward(images(device).flip([3])).0;
                let rows: Vec<f32> = tiles.try_into_vec_as().unwrap();
                let index = Arc::new(index_embeddings(&rows, 4).unwrap());
                let gallery = GalleryDecoder::new(index, truth().into(), 10.0, 50.0, 3);
                let query = || trained.query.forward(images(device));
                let answers = gallery.decode(query()).unwrap();
                let of = |k: usize| answers[k].as_ref().unwrap().location;
                assert!((0..BATCH).all(|k| truth().contains(&of(k))));
                let loaded = model(device).try_load_record(trained.clone().into_record());
                let again = loaded.unwrap().query.forward(images(device));
                assert_eq!(gallery.decode(again).unwrap(), answers);
            };
        }
        check!(InfoNce::default());
        check!(DecoupledInfoNce {
            label_smoothing: 0.1
        });
        check!(SoftMarginTriplet::default());
    });
}

#[test]
fn images_against_places() {
    with_every_encoder(|(build, device)| {
        let model = |device: &Device| {
            let encoder = build(device);
            let head = EmbeddingHeadConfig { dim: 4 };
            let head = head.init(&encoder.spec(), device).unwrap();
            let place = LocationEncoderConfig {
                sigmas: vec![1.0, 16.0],
                frequencies: 4,
                hidden: 8,
                width: 4,
            };
            let image = GeoModel { encoder, head };
            PlaceContrastModel::new(image, place.init(device).unwrap(), 10.0, device)
        };
        let autodiff = device.clone().autodiff();
        let learner = PlaceContrastTraining {
            model: model(&autodiff),
            criterion: PlaceContrast,
        };
        let trained = fit(learner, &SamePlaces, &autodiff).model;
        contract::check_round_trip(trained.clone(), model(device)).unwrap();
        let answer = trained.forward(images(device), &truth());
        assert_eq!(answer.places.dims(), [BATCH, 4]);
        let rows: Vec<f32> = answer.places.try_into_vec_as().unwrap();
        let index = Arc::new(index_embeddings(&rows, 4).unwrap());
        let gallery = GalleryDecoder::new(index, truth().into(), 10.0, 50.0, 3);
        let found = gallery.decode(trained.image.forward(images(device)));
        assert!(found.unwrap().iter().all(Result::is_ok));
    });
}
