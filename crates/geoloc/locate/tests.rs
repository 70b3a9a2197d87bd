use burn::module::Module;
use burn::tensor::Device;

use super::*;
use crate::artifact::{Artifact, ArtifactError, Manifest};
use crate::backbones::pooling::{PooledConfig, PoolingConfig};
use crate::backbones::resnet::ResNetBlock;
use crate::backbones::{ResNetConfig, VitConfig};
use crate::datasets::{Photo, Preprocess};
use crate::geo_cells::{AdaptivePartition, LatLng, Partition, PartitionBuilder};
use crate::heads::cell::CellHeadConfig;
use crate::heads::embedding::EmbeddingHeadConfig;
use crate::trainer::tests::turn;

fn partition() -> Partition {
    let builder = AdaptivePartition {
        drop_below: 1,
        ..AdaptivePartition::default()
    };
    let places = [(48.9, 2.3), (-33.9, 151.2), (40.7, -74.0)];
    let places = places.map(|(lat, lng)| LatLng::new(lat, lng).unwrap());
    builder.build(&places).unwrap().0
}

/// An artifact with a classifier on this encoder, which is told to read this input.
fn artifact<C>(config: C, input: Preprocess) -> Artifact
where
    C: crate::core::EncoderConfig + Into<AnyEncoderConfig>,
    C::Encoder: crate::core::Backbone,
{
    let device = Device::flex();
    let partition = partition();
    let head = CellHeadConfig {
        cells: partition.len(),
        dropout: 0.0,
    };
    let model = build_model(&config, &head, &device).unwrap().materialize();
    let settings = CellClassifierSettings {
        input,
        encoder: config,
        head,
        temperature: 1.0,
        partition_hash: partition.content_hash(),
    }
    .map_encoder(Into::<AnyEncoderConfig>::into);
    let mut artifact = Artifact::new(Manifest::new("test"));
    insert_cell_classifier(&mut artifact, "a", &settings, &model, &partition).unwrap();
    artifact
}

fn resnet() -> ResNetConfig {
    ResNetConfig {
        input_size: [64, 64],
        block: ResNetBlock::Basic,
        blocks: [1; 4],
        width: 2,
        classes: None,
    }
}

fn vit() -> VitConfig {
    VitConfig {
        patch: 16,
        width: 12,
        depth: 1,
        heads: 3,
        hidden: 24,
        position_grid: [4, 4],
        ..VitConfig::clip_base16()
            .with_input_size(64, 64)
            .without_projection()
    }
}

#[test]
fn models_of_every_kind_are_loaded_without_their_types() {
    let _turn = turn();
    let photo = Photo::from_rgb(90, 70, [200, 30, 90].repeat(90 * 70)).unwrap();
    let pooled = PooledConfig {
        encoder: resnet(),
        pooling: PoolingConfig::Gem { p: 3.0 },
        normalise: true,
    };
    for artifact in [
        artifact(resnet(), Preprocess::square(64)),
        artifact(vit(), vit().clip_preprocess()),
        artifact(pooled, Preprocess::square(64)),
    ] {
        let locator = load_any(&artifact, None, &Device::flex()).unwrap();
        let found = locator.locate(std::slice::from_ref(&photo));
        let total: f64 = found[0]
            .as_ref()
            .unwrap()
            .candidates
            .iter()
            .map(|c| c.probability)
            .sum();
        assert!((total - 1.0).abs() < 1e-6, "{total}");
    }
}

#[test]
fn preprocessing_that_the_encoder_does_not_read_is_refused() {
    let _turn = turn();
    let artifact = artifact(vit(), Preprocess::square(80));
    match load_any(&artifact, None, &Device::flex()) {
        Err(ArtifactError::Settings { reason, .. }) => {
            assert!(reason.contains("64 x 64"), "{reason}");
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn biases_of_a_gallery_are_kept_and_added_to_the_scores() {
    let _turn = turn();
    let device = Device::flex();
    let head = EmbeddingHeadConfig { dim: 2 };
    let settings = RetrievalSettings {
        input: Preprocess::square(64),
        encoder: AnyEncoderConfig::from(resnet()),
        head: head.clone(),
        scale: 10.0,
        spread_km: 1.0,
    };
    let model = build_model(&resnet(), &head, &device).unwrap();
    let places = [(48.9, 2.3), (-33.9, 151.2), (40.7, -74.0)];
    let places = places.map(|(lat, lng)| LatLng::new(lat, lng).unwrap());
    let codes = [1.0, 0.0, 0.0, 1.0, -1.0, 0.0];
    let mut artifact = Artifact::new(Manifest::new("biases"));
    let model = model.materialize();
    insert_retrieval(&mut artifact, "a", &settings, &model, &codes, &places).unwrap();
    let answer = |artifact: &Artifact| {
        let photo = Photo::from_rgb(64, 64, vec![90; 64 * 64 * 3]).unwrap();
        let locator = load_any(artifact, None, &device).unwrap();
        locator.locate(&[photo]).remove(0).unwrap().location
    };
    // No inner product of unit vectors makes up for a bias of 5.
    assert_eq!(artifact.biases("a").unwrap(), None);
    for (row, &place) in places.iter().enumerate() {
        let mut biases = [0.0; 3];
        biases[row] = 5.0;
        artifact.insert_biases("a", &biases);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.bpk");
        artifact.save(&path).unwrap();
        let read = Artifact::open(&path).unwrap();
        assert_eq!(read.biases("a").unwrap(), Some(biases.to_vec()));
        assert_eq!(answer(&read), place);
    }
    artifact.insert_biases("a", &[0.0; 2]);
    let error = load_any(&artifact, None, &device).err().unwrap();
    assert!(error.to_string().contains("2 biases"), "{error}");
    let twice = [places[0], places[0], places[1]];
    assert!(index_with_biases(&codes, 2, &twice, &[0.0; 3]).is_err());
    assert!(index_with_biases(&codes, 2, &places, &[f32::NAN, 0.0, 0.0]).is_err());
}
