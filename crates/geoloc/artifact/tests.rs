use std::path::Path;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::Device;

use super::*;
use crate::geo_cells::{AdaptivePartition, LatLng, PartitionBuilder};

fn layer() -> Linear {
    LinearConfig::new(3, 2).init(&Device::flex())
}

fn artifact() -> Artifact {
    let mut artifact = Artifact::new(Manifest::new("test"));
    artifact
        .insert_component("a", "kind", &serde_json::json!({ "width": 3 }))
        .unwrap();
    artifact.insert_module("a", layer()).unwrap();
    let place = LatLng::new(48.9, 2.3).unwrap();
    let builder = AdaptivePartition {
        drop_below: 1,
        ..AdaptivePartition::default()
    };
    let (partition, _) = builder.build(&[place, place]).unwrap();
    artifact.insert_partition("a", &partition);
    artifact
        .insert_gallery("a", &[1.0, 0.0, 0.0, 1.0], 2, &[place, place])
        .unwrap();
    artifact
}

fn bytes() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/model.bpk");
    artifact().save(&path).unwrap();
    std::fs::read(path).unwrap()
}

fn open(bytes: Vec<u8>) -> Result<Artifact, ArtifactError> {
    Artifact::from_bytes(bytes, Path::new("model.bpk"))
}

#[test]
fn everything_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bpk");
    let written = artifact();
    written.save(&path).unwrap();
    let read = Artifact::open(&path).unwrap();
    assert_eq!(read.manifest(), written.manifest());
    let weights = |a: &Artifact| {
        let module = a.load_module("a", layer()).unwrap();
        module.weight.val().try_into_vec_as::<f32>().unwrap()
    };
    assert_eq!(weights(&read), weights(&written));
    let partition = read.partition("a").unwrap();
    assert_eq!(partition.count(0), Some(2));
    let (embeddings, dim, places) = read.gallery("a").unwrap();
    assert_eq!((embeddings, dim), (vec![1.0, 0.0, 0.0, 1.0], 2));
    assert_eq!(places[1], LatLng::new(48.9, 2.3).unwrap());
}

#[test]
fn any_flipped_byte_is_noticed_and_never_panics() {
    let good = bytes();
    let content = |artifact: &Artifact| {
        let tensors = artifact.tensors.iter().map(|(name, tensor)| {
            let bytes = tensor.to_bytes().unwrap().to_vec();
            (name.clone(), tensor.shape.to_vec(), bytes)
        });
        (artifact.manifest().clone(), tensors.collect::<Vec<_>>())
    };
    let expected = content(&open(good.clone()).unwrap());
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 0x41;
        // Padding between tensors may change, as long as nothing that is read does.
        if let Ok(artifact) = open(bad) {
            assert!(content(&artifact) == expected, "byte {position}");
        }
    }
}

#[test]
fn truncated_files_are_damaged_and_foreign_ones_are_no_artifacts() {
    let good = bytes();
    for length in [good.len() / 2, good.len() - 1] {
        let result = open(good[..length].to_vec());
        assert!(
            matches!(result, Err(ArtifactError::Damaged { .. })),
            "{result:?}"
        );
    }
    for foreign in [Vec::new(), b"hello, this is a text file".to_vec()] {
        let result = open(foreign);
        assert!(
            matches!(result, Err(ArtifactError::NotAnArtifact { .. })),
            "{result:?}"
        );
    }
    // A burnpack file of weights alone.
    let weights = layer().into_record().into_bytes().unwrap().to_vec();
    assert!(matches!(
        open(weights),
        Err(ArtifactError::NotAnArtifact { .. })
    ));
    assert!(matches!(
        Artifact::open("no/such/file.bpk"),
        Err(ArtifactError::Io { .. })
    ));
}

#[test]
fn a_newer_format_says_so_even_if_its_manifest_looks_different() {
    let mut newer = artifact();
    newer.manifest_mut().format = FORMAT_VERSION + 1;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bpk");
    newer.save(&path).unwrap();
    match Artifact::open(&path) {
        Err(ArtifactError::Newer {
            found, supported, ..
        }) => {
            assert_eq!((found, supported), (FORMAT_VERSION + 1, FORMAT_VERSION));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let artifact = artifact();
    let wider = LinearConfig::new(4, 2).init(&Device::flex());
    let message = artifact.load_module("a", wider).unwrap_err().to_string();
    assert!(message.contains("weight"), "{message}");
    match artifact.component("b") {
        Err(ArtifactError::NoComponent { name, known }) => {
            assert_eq!((name.as_str(), known), ("b", vec!["a".to_owned()]));
        }
        other => panic!("{other:?}"),
    }
    let other_kind = artifact.settings::<serde_json::Value>("a", "cell-classifier");
    assert!(matches!(other_kind, Err(ArtifactError::Settings { .. })));
    assert!(matches!(
        artifact.partition("b"),
        Err(ArtifactError::Part { .. })
    ));
    let mut short = Artifact::new(Manifest::new("short"));
    let place = LatLng::new(0.0, 0.0).unwrap();
    let result = short.insert_gallery("a", &[1.0], 2, &[place]);
    assert!(matches!(result, Err(ArtifactError::Part { .. })));
}
