use std::collections::BTreeSet;

use super::*;
use crate::{AdaptivePartition, PartitionBuilder};

fn base() -> Partition {
    let points: Vec<LatLng> = (0..3000)
        .map(|k| {
            let t = f64::from(k);
            LatLng::new(70.0 * (0.37 * t).sin(), 179.0 * (0.113 * t).sin()).unwrap()
        })
        .collect();
    let config = AdaptivePartition {
        split_above: 6,
        drop_below: 1,
        ..AdaptivePartition::default()
    };
    config.build(&points).unwrap().0
}

fn configs() -> Vec<GeoclassSetConfig> {
    [(30, 0.0, 0.0), (40, 1.0, 0.5), (25, 0.2, 2.0)]
        .map(|(classes, node_cells, edge_features)| GeoclassSetConfig {
            classes,
            node_cells,
            edge_features,
            features: (edge_features > 0.0).then_some(0),
            ..GeoclassSetConfig::default()
        })
        .to_vec()
}

fn features(base: &Partition) -> CellFeatures {
    let values = base
        .locations()
        .iter()
        .flat_map(|p| [(p.lat() * 0.2).sin() as f32, (p.lng() * 0.1).cos() as f32])
        .collect();
    CellFeatures::new(2, values).unwrap()
}

#[test]
fn sets_have_the_classes_asked_for_and_tuples_agree() {
    let base = base();
    let sets = GeoclassSets::build(base.clone(), &configs(), &[features(&base)]).unwrap();
    let sizes: Vec<usize> = (0..3).map(|s| sets.set(s).unwrap().len()).collect();
    assert_eq!(sizes, [30, 40, 25]);
    let mut tuples = BTreeSet::new();
    for b in 0..base.len() {
        let tuple: Vec<u32> = (0..3)
            .map(|s| sets.classes_of_base(s).unwrap()[b])
            .collect();
        let fine = sets.fine_of_base()[b] as usize;
        assert_eq!(sets.tuple(fine).unwrap(), tuple);
        tuples.insert(tuple);
        let place = base.locations()[b];
        if base.index_of(place) == Some(b) {
            assert_eq!(sets.fine().index_of(place), Some(fine));
            for s in 0..3 {
                let class = sets.tuple(fine).unwrap()[s] as usize;
                assert_eq!(sets.set(s).unwrap().index_of(place), Some(class));
            }
        }
    }
    assert_eq!(tuples.len(), sets.fine().len());
    // The lists from class to fine cells hold each fine cell once a set.
    for (s, &size) in sizes.iter().enumerate() {
        let mut seen = vec![0; sets.fine().len()];
        for class in 0..size {
            let list = sets.fine_of_class(s, class).unwrap();
            assert!(!list.is_empty());
            for &fine in list {
                seen[fine as usize] += 1;
                assert_eq!(sets.tuple(fine as usize).unwrap()[s] as usize, class);
            }
        }
        assert!(seen.iter().all(|&n| n == 1));
        assert_eq!(sets.fine_of_class(s, size), None);
    }
    let total: u64 = base.counts().iter().sum();
    assert_eq!(sets.fine().counts().iter().sum::<u64>(), total);
}

#[test]
fn features_change_the_sets_and_the_merge_repeats() {
    let base = base();
    let features = [features(&base)];
    let once = GeoclassSets::build(base.clone(), &configs(), &features).unwrap();
    let twice = GeoclassSets::build(base.clone(), &configs(), &features).unwrap();
    assert_eq!(once.content_hash(), twice.content_hash());
    let mut plain = configs();
    plain[2].edge_features = 0.0;
    let other = GeoclassSets::build(base, &plain, &features).unwrap();
    assert_ne!(once.classes_of_base(2), other.classes_of_base(2));
    assert_eq!(once.classes_of_base(1), other.classes_of_base(1));
}

#[test]
fn smallest_nodes_are_merged_first() {
    let base = base();
    let config = GeoclassSetConfig {
        classes: 30,
        ..GeoclassSetConfig::default()
    };
    let sets = GeoclassSets::build(base.clone(), &[config], &[]).unwrap();
    // No class can be smaller than the smallest that a merge still had to take: with 30 classes of
    // 3,000 points all hold far more than a base cell.
    let smallest = sets.set(0).unwrap().counts().iter().min().unwrap();
    let largest_base = base.counts().iter().max().unwrap();
    assert!(smallest > largest_base, "{smallest} {largest_base}");
}

#[test]
fn neighbours_share_an_edge_and_the_graph_is_connected() {
    let base = base();
    let lists = graph::adjacency(&base, cells_of(&base).unwrap());
    let mut open = vec![0_u32];
    let mut seen = vec![false; base.len()];
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut seen[node as usize], true) {
            open.extend(&lists[node as usize]);
        }
    }
    assert!(seen.into_iter().all(|s| s));
    for (a, list) in lists.iter().enumerate() {
        assert!(
            list.iter()
                .all(|&b| lists[b as usize].contains(&(a as u32)))
        );
    }
}

#[test]
fn bytes_round_trip() {
    let base = base();
    let sets = GeoclassSets::build(base.clone(), &configs(), &[features(&base)]).unwrap();
    let bytes = sets.to_bytes();
    assert_eq!(GeoclassSets::from_bytes(&bytes).unwrap(), sets);
    assert!(Partition::from_bytes(&bytes).is_err());
    assert!(GeoclassSets::from_bytes(&bytes[..bytes.len() - 40]).is_err());
}

#[test]
fn wrong_input_is_an_error() {
    let base = base();
    assert!(CellFeatures::new(0, vec![]).is_err());
    assert!(CellFeatures::new(2, vec![1.0; 3]).is_err());
    assert!(CellFeatures::new(1, vec![f32::NAN]).is_err());
    assert!(GeoclassSets::build(base.clone(), &[], &[]).is_err());
    let mut config = GeoclassSetConfig {
        classes: 0,
        ..Default::default()
    };
    assert!(GeoclassSets::build(base.clone(), &[config.clone()], &[]).is_err());
    config.classes = 10;
    config.edge_distance = f64::NAN;
    assert!(GeoclassSets::build(base.clone(), &[config.clone()], &[]).is_err());
    config.edge_distance = 1.0;
    config.features = Some(0);
    assert!(GeoclassSets::build(base.clone(), &[config.clone()], &[]).is_err());
    let short = CellFeatures::new(1, vec![0.0]).unwrap();
    assert!(GeoclassSets::build(base.clone(), &[config.clone()], &[short]).is_err());
    let skipping = vec![u32::MAX; base.len()];
    assert!(GeoclassSets::from_classes(base.clone(), vec![skipping]).is_err());
    let mut gap = vec![0; base.len()];
    gap[0] = 2;
    assert!(GeoclassSets::from_classes(base, vec![gap]).is_err());
}
