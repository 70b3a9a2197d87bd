//! Embeddings, answered by the training photos that are nearest.

use std::sync::Arc;

use geoloc::approach::ByPlace;
use geoloc::backbones::feature_file::Precomputed;
use geoloc::burn::tensor::{Device, Int, Tensor};
use geoloc::core::{
    BatchError, BatchSource, Decoder, Embedding, Features, Loss, PairBatch, PairEmbeddings,
    PairTraining, Training, TwoBranch,
};
use geoloc::geo_cells::{LatLng, haversine_km};
use geoloc::heads::cell::{CellDecoder, CellHeadConfig};
use geoloc::heads::density::NeighbourDensity;
use geoloc::heads::embedding::{EmbeddingHead, EmbeddingHeadConfig};
use geoloc::heads::multitask::{FirstTask, TwoTaskHeadConfig};
use geoloc::heads::prototype::{PrototypeBuilder, PrototypeDecoder};
use geoloc::heads::within_cell::SearchWithinCell;
use geoloc::locate::{GalleryDecoder, NeighbourDecoder, index_embeddings};
use geoloc::losses::{CellClasses, DistanceRelations, PairMask, PairMasks, PairRelations};

use crate::goal::{Goal, train};
use crate::method::untrained;
use crate::methods::Named;
use crate::methods::embeddings::{CellsAndEmbedding, VisitEmbedding};
use crate::methods::separable::{BATCH, PHOTOS, SITES, Separable, World};

const HEAD: EmbeddingHeadConfig = EmbeddingHeadConfig { dim: 32 };
const RELATIONS: DistanceRelations = DistanceRelations {
    positive_km: 300.0,
    negative_km: 1000.0,
};

pub(crate) struct Learns<'a> {
    pub(crate) world: &'a World,
    pub(crate) device: &'a Device,
}

/// Embeddings on the host.
pub(crate) fn rows(embedding: Tensor<2>) -> Vec<f32> {
    embedding.try_into_vec_as().unwrap()
}

/// Share of queries whose nearest gallery row is right.
fn recall(gallery: &[f32], places: &[LatLng], queries: Embedding, truth: &[LatLng]) -> f64 {
    let index = Arc::new(index_embeddings(gallery, HEAD.dim).unwrap());
    let decoder = GalleryDecoder::new(index, places.into(), 30.0, 20.0, 1);
    let answers = decoder.decode(queries).unwrap();
    let right = answers.iter().zip(truth);
    let right = right.filter(|(a, t)| haversine_km(a.as_ref().unwrap().location, **t) < 290.0);
    right.count() as f64 / truth.len() as f64
}

impl VisitEmbedding for Learns<'_> {
    fn embedding<L: Loss<Embedding, Target = PairRelations>>(&mut self, name: &str, loss: L) {
        let Self { world, device } = *self;
        let (places, gallery) = world.training(device);
        let (truth, queries) = world.held_out(device);
        let model = untrained(&HEAD, device);
        let before = recall(
            &rows(model.forward(gallery.clone()).0),
            &places,
            model.forward(queries.clone()),
            &truth,
        );
        println!("{name}, untrained: {before:.3}");
        assert!(before < 0.8, "{name}: no training is needed");
        let batches = Separable {
            world,
            targets: ByPlace(RELATIONS),
        };
        let learner = Training {
            model,
            criterion: loss,
        };
        let trained = train(Goal::Right, learner, &batches, &device.clone().autodiff()).model;
        let index = index_embeddings(&rows(trained.forward(gallery).0), HEAD.dim);
        let index = Arc::new(index.unwrap());
        let places: Arc<[LatLng]> = places.into();
        let nearest = GalleryDecoder::new(index.clone(), places.clone(), 30.0, 20.0, 10);
        let density = NeighbourDecoder::new(index, places, NeighbourDensity::default(), 10);
        let decoders: [Named<_>; 2] = [("gallery", &nearest), ("density", &density)];
        for (decoder_name, decoder) in decoders {
            let name = format!("{name}, {decoder_name}");
            let output = trained.forward(queries.clone());
            Goal::Right.check(&name, world, &truth, decoder, output);
        }
    }

    fn pairs<L: Loss<PairEmbeddings, Target = PairMask>>(&mut self, name: &str, loss: L) {
        let Self { world, device } = *self;
        let branch = || untrained(&HEAD, device);
        let autodiff = device.clone().autodiff();
        let model = TwoBranch::new(branch(), branch(), 1.0 / 0.07, &autodiff);
        // The tile of a place is photo 0 of it, seen by the other branch with its features reversed.
        let tiles = (0..SITES).map(|site| (site, 0));
        let (places, gallery) = world.photos(tiles, device);
        let gallery = reversed(gallery);
        let (truth, queries) = world.held_out(device);
        let asked = |model: &TwoBranch<Precomputed, EmbeddingHead>| {
            let gallery = rows(model.aerial.forward(gallery.clone()).0);
            recall(
                &gallery,
                &places,
                model.query.forward(queries.clone()),
                &truth,
            )
        };
        let before = asked(&model);
        let learner = PairTraining {
            model,
            criterion: loss,
        };
        let trained = train(Goal::Right, learner, &Pairs { world }, &autodiff).model;
        let after = asked(&trained);
        println!("{name}: right {before:.3} untrained, {after:.3} trained");
        assert!(before < 0.5 && after >= 0.9, "{name}: {before} {after}");
    }

    fn two_tasks<L>(&mut self, name: &str, loss: L)
    where
        L: Loss<CellsAndEmbedding, Target = (Tensor<1, Int>, PairRelations)>,
    {
        let Self { world, device } = *self;
        let cells = &world.spaces.cells;
        let head = TwoTaskHeadConfig {
            first: CellHeadConfig {
                cells: cells.len(),
                dropout: 0.0,
            },
            second: HEAD,
        };
        let targets = (CellClasses::new(cells.clone()), RELATIONS);
        let batches = Separable {
            world,
            targets: ByPlace(targets),
        };
        let learner = Training {
            model: untrained(&head, device),
            criterion: loss,
        };
        let trained = train(Goal::Right, learner, &batches, &device.clone().autodiff()).model;
        let (places, gallery) = world.training(device);
        let gallery = rows(trained.forward(gallery).second.0);
        let vectors = gallery.chunks(HEAD.dim).map(<[f32]>::to_vec);
        let photos: Vec<(Vec<f32>, LatLng)> = vectors.zip(places).collect();
        let prototypes = PrototypeBuilder::default().build(cells, &photos);
        let refined = PrototypeDecoder::new(cells.clone(), prototypes);
        let within = SearchWithinCell::new(cells.clone(), &photos).unwrap();
        let first = FirstTask(CellDecoder::new(cells.clone(), 3));
        let decoders: [Named<_>; 3] = [
            ("first task", &first),
            ("prototypes", &refined),
            ("search within cell", &within),
        ];
        let (truth, queries) = world.held_out(device);
        for (decoder_name, decoder) in decoders {
            let name = format!("{name}, {decoder_name}");
            let output = trained.forward(queries.clone());
            Goal::Right.check(&name, world, &truth, decoder, output);
        }
    }
}

fn reversed(features: Features) -> Features {
    Features::pooled(features.pooled.flip([1]))
}

/// A photo of each place with its tile.
struct Pairs<'a> {
    world: &'a World,
}

impl BatchSource for Pairs<'_> {
    type Batch = PairBatch<Features, PairMask>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        // All sites but some, each once.
        let sites = (0..SITES).filter(|site| !(site + step as usize).is_multiple_of(7));
        let sites: Vec<usize> = sites.take(BATCH).collect();
        let photo = |site: &usize| (*site, (step as usize * 7 + site) % PHOTOS);
        let (truth, query) = self.world.photos(sites.iter().map(photo), device);
        let (_, tiles) = self
            .world
            .photos(sites.iter().map(|&site| (site, 0)), device);
        Ok(PairBatch {
            query,
            aerial: reversed(tiles),
            target: PairMasks { radius_km: 300.0 }.mask(&truth, device),
            truth,
        })
    }
}
