use std::path::Path;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::Device;

use super::*;
use crate::geo_cells::{AdaptivePartition, LatLng, PartitionBuilder};
use crate::trainer::tests::turn;

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
    let _turn = turn();
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
fn compact_parts_take_a_quarter_and_come_back_nearly_as_they_were() {
    let _turn = turn();
    let device = Device::flex();
    let wide = || LinearConfig::new(64, 32).init(&device);
    let places: Vec<LatLng> = (0..40)
        .map(|i| LatLng::new(f64::from(i), 9.0).unwrap())
        .collect();
    let codes: Vec<f32> = (0..40 * 64).map(|i| (i as f32 * 0.7).sin()).collect();
    let mut artifact = Artifact::new(Manifest::new("compact"));
    artifact.insert_component("a", "kind", &()).unwrap();
    artifact.insert_module("a", wide()).unwrap();
    artifact.insert_gallery("a", &codes, 64, &places).unwrap();
    let weights = |a: &Artifact| {
        let module = a.load_module("a", wide()).unwrap();
        let bias = module.bias.clone().unwrap().val();
        let of = |t: Vec<f32>| t;
        (
            of(module.weight.val().try_into_vec_as().unwrap()),
            of(bias.try_into_vec_as().unwrap()),
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bpk");
    let size = |a: &Artifact| {
        a.save(&path).unwrap();
        std::fs::metadata(&path).unwrap().len()
    };
    let (large, before) = (size(&artifact), weights(&artifact));
    artifact.compact();
    let small = size(&artifact);
    assert!(small < large / 2, "{small} {large}");
    let read = Artifact::open(&path).unwrap();
    let after = weights(&read);
    assert_eq!(after.1, before.1, "a short part stays in f32");
    let near = |a: &[f32], b: &[f32], width: usize| {
        for (a, b) in a.chunks(width).zip(b.chunks(width)) {
            let largest = b.iter().fold(0f32, |m, v| m.max(v.abs()));
            let worst = a.iter().zip(b).fold(0f32, |m, (x, y)| m.max((x - y).abs()));
            assert!(worst <= largest / 253.0, "{worst} {largest}");
        }
    };
    near(&after.0, &before.0, 32);
    let (found, dim, at) = read.gallery("a").unwrap();
    near(&found, &codes, 64);
    assert_ne!(found, codes, "nothing was stored in fewer bits");
    assert_eq!((dim, at), (64, places));
    // Scales that are lost are named, not guessed.
    let mut broken = read;
    broken.tensors.remove("a/gallery/embeddings#scale").unwrap();
    let found = broken.gallery("a").unwrap_err().to_string();
    assert!(
        found.contains("a/gallery/embeddings") && found.contains("scales"),
        "{found}"
    );
}

#[test]
fn any_flipped_byte_is_noticed_and_never_panics() {
    let _turn = turn();
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
    let _turn = turn();
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
    let _turn = turn();
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
    let _turn = turn();
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
