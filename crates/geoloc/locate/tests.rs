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
