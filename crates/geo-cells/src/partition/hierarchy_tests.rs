use super::*;
use crate::{PartitionBuilder, haversine_km};

fn points() -> Vec<LatLng> {
    (0..4000)
        .map(|k| {
            let t = f64::from(k);
            let near = if k % 3 == 0 { 0.01 } else { 1.0 };
            LatLng::new(
                40.0 + 30.0 * near * (0.37 * t).sin(),
                179.0 + 20.0 * near * (0.11 * t).sin(),
            )
            .unwrap()
        })
        .collect()
}

fn config() -> NestedPartition {
    NestedPartition {
        split_above: vec![500, 100, 30],
        drop_below: 5,
        ..NestedPartition::default()
    }
}

#[test]
fn each_fine_class_has_one_ancestor_that_contains_it() {
    let (hierarchy, reports) = config().build(&points()).unwrap();
    assert_eq!(hierarchy.depth(), 3);
    let sizes: Vec<usize> = hierarchy.partitions().map(Partition::len).collect();
    assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2], "{sizes:?}");
    assert_eq!(sizes, reports.iter().map(|r| r.classes).collect::<Vec<_>>());
    for (level, partition) in hierarchy.partitions().enumerate() {
        let ancestors = hierarchy.ancestors(level).unwrap();
        for (fine, &parent) in ancestors.iter().enumerate() {
            let inner = hierarchy.finest().cell(fine).unwrap();
            assert!(partition.cell(parent as usize).unwrap().contains(inner));
        }
    }
    for p in points() {
        let classes = hierarchy.indices_of(p);
        if let Some(fine) = classes[2] {
            for (level, class) in classes.iter().enumerate() {
                let parent = hierarchy.ancestors(level).unwrap()[fine] as usize;
                assert_eq!(*class, Some(parent));
            }
        }
    }
    assert_eq!(
        Hierarchy::from_bytes(&hierarchy.to_bytes()).unwrap(),
        hierarchy
    );
}

#[test]
fn thresholds_must_decrease_and_partitions_must_nest() {
    for split_above in [vec![], vec![10, 10], vec![10, 20]] {
        let config = NestedPartition {
            split_above,
            ..config()
        };
        assert!(config.build(&points()).is_err());
    }
    let (hierarchy, _) = config().build(&points()).unwrap();
    let mut turned: Vec<Partition> = hierarchy.partitions().cloned().collect();
    turned.reverse();
    assert!(matches!(
        Hierarchy::new(turned),
        Err(PartitionError::NotNested { .. })
    ));
    assert!(Hierarchy::new(vec![]).is_err());
}

#[test]
fn coarsened_classes_are_those_of_all_their_points() {
    let adaptive = AdaptivePartition {
        split_above: 30,
        drop_below: 1,
        ..AdaptivePartition::default()
    };
    let (fine, _) = adaptive.build(&points()).unwrap();
    let level = Level::new(4).unwrap();
    let (coarse, map) = fine.coarsen(level).unwrap();
    assert_eq!(fine.parents_in(&coarse).unwrap(), map);
    for class in 0..coarse.len() {
        let inside: Vec<LatLng> = points()
            .into_iter()
            .filter(|p| coarse.index_of(*p) == Some(class))
            .collect();
        assert_eq!(coarse.count(class), Some(inside.len() as u64));
        let vectors: Vec<[f64; 3]> = inside.iter().map(|p| p.to_unit_vector()).collect();
        let direct = crate::partition::location::locate(
            vectors.as_slice(),
            CellLocation::SphericalMean,
            None,
        )
        .unwrap();
        let location = coarse.location(class).unwrap();
        // Leaves are 1 cm wide.
        assert!(haversine_km(location, direct.location) < 2e-5);
        assert!((coarse.spread_km(class).unwrap() - direct.spread_km).abs() < 2e-5);
    }
}
