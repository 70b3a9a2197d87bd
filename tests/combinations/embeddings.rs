//! Embeddings, alone and beside another task, of two branches and against places.

use std::sync::Arc;

use crate::batches::{BATCH, SamePairs, SamePlaces, at, images, spaces, truth};
use crate::check::{check, fit, with_every_encoder};
use crate::encoders::Build;
use crate::methods::Named;
use crate::methods::embeddings::{CellsAndEmbedding, VisitEmbedding, embeddings, pairs, two_tasks};
use crate::methods::label_space::LabelSpaces;
use geoloc::backbones::geoclip::LocationEncoderConfig;
use geoloc::burn::module::Module;
use geoloc::burn::tensor::{Device, Int, Tensor};
use geoloc::core::{
    Decoder, Embedding, Encoder, EncoderConfig, GeoModel, HeadConfig, Loss, PairEmbeddings,
    PairTraining, PlaceContrastModel, PlaceContrastTraining, TwoBranch, contract,
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
    CellClasses, DistanceRelations, PairMask, PairMasks, PairRelations, PlaceContrast,
};

const RELATIONS: DistanceRelations = DistanceRelations {
    positive_km: 1.0,
    negative_km: 10.0,
};

/// Checks every loss with one encoder on one device.
struct Combined<'a> {
    on: (Build, &'a Device),
    spaces: &'a LabelSpaces,
}

impl VisitEmbedding for Combined<'_> {
    fn embedding<L: Loss<Embedding, Target = PairRelations>>(&mut self, name: &str, loss: L) {
        println!("{name}");
        let rows: Vec<f32> = (0..8)
            .flat_map(|i| [0.6, 0.8, 0.0, 0.1 * i as f32])
            .collect();
        let places: Arc<[LatLng]> = (0..8).map(|i| at(5.0 * f64::from(i), 20.0)).collect();
        let index = Arc::new(index_embeddings(&rows, 4).unwrap());
        let gallery = GalleryDecoder::new(index.clone(), places.clone(), 10.0, 50.0, 3);
        let density = NeighbourDecoder::new(index, places, NeighbourDensity::default(), 5);
        let decoders: [Named<_>; 2] = [("gallery", &gallery), ("density", &density)];
        let head = EmbeddingHeadConfig { dim: 4 };
        check(self.on, &head, loss, RELATIONS, &decoders);
    }

    fn pairs<L: Loss<PairEmbeddings, Target = PairMask>>(&mut self, name: &str, loss: L) {
        println!("{name}");
        let (build, device) = self.on;
        let masks = PairMasks { radius_km: 1.0 };
        let branch = |device: &Device| {
            let encoder = build(device);
            let head = EmbeddingHeadConfig { dim: 4 };
            let head = head.init(&encoder.spec(), device).unwrap();
            GeoModel { encoder, head }
        };
        let model = |device: &Device| TwoBranch::new(branch(device), branch(device), 10.0, device);
        let autodiff = device.clone().autodiff();
        let learner = PairTraining {
            model: model(&autodiff),
            criterion: loss,
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
    }

    fn two_tasks<L>(&mut self, name: &str, loss: L)
    where
        L: Loss<CellsAndEmbedding, Target = (Tensor<1, Int>, PairRelations)>,
    {
        println!("{name}");
        let cells = &self.spaces.cells;
        let place = |class| cells.location(class).unwrap();
        let prototype = |class| vec![Prototype::new(vec![(vec![0.5; 4], place(class))]).unwrap()];
        let prototypes = (0..cells.len()).map(prototype).collect();
        let refined = PrototypeDecoder::new(cells.clone(), prototypes);
        let photos: Vec<(Vec<f32>, LatLng)> = (0..cells.len())
            .map(|class| (vec![0.5; 4], place(class)))
            .collect();
        let within = SearchWithinCell::new(cells.clone(), &photos).unwrap();
        let first = FirstTask(CellDecoder::new(cells.clone(), 3));
        let decoders: [Named<_>; 3] = [
            ("first task", &first),
            ("prototypes", &refined),
            ("search within cell", &within),
        ];
        let cell = CellHeadConfig {
            cells: cells.len(),
            dropout: 0.0,
        };
        let head = TwoTaskHeadConfig {
            first: cell,
            second: EmbeddingHeadConfig { dim: 4 },
        };
        let targets = (CellClasses::new(cells.clone()), RELATIONS);
        check(self.on, &head, loss, targets, &decoders);
    }
}

#[test]
fn one_branch_two_branches_and_two_tasks() {
    let spaces = &spaces();
    with_every_encoder(|on| {
        let visit = &mut Combined { on, spaces };
        embeddings(visit);
        pairs(visit);
        two_tasks(visit);
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
