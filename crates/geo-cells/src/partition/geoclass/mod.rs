//! Combinatorial partitions: several coarse class sets whose intersections are fine cells.

mod bytes;
mod graph;
mod merge;

use serde::{Deserialize, Serialize};

use super::{CellIndex, Geometry, Partition, PartitionError};
use crate::LatLng;

/// Mean visual features of the base cells, from any trained network.
///
/// # Shapes
///
/// `values` holds `cells` rows of `width` numbers, in the order of the base classes.
#[derive(Debug, Clone, PartialEq)]
pub struct CellFeatures {
    pub(crate) width: usize,
    pub(crate) values: Vec<f32>,
}

impl CellFeatures {
    /// Rows of `width` numbers, one a base class.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if `width` is 0, the values are no whole number of rows, or one is not
    /// finite.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Self, PartitionError> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(PartitionError::Length {
                what: "feature values (a whole number of rows)",
                expected: values.len().div_ceil(width.max(1)) * width,
                actual: values.len(),
            });
        }
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(PartitionError::NotFinite {
                what: "features",
                index,
            });
        }
        Ok(Self { width, values })
    }
}

/// How one geoclass set is merged from the base cells.
///
/// The node with the least score is joined, again and again, to the neighbour over the edge of
/// least weight, until `classes` are left (Seo, Weyand, Sim, Han 2018, section 3.2). Each term is
/// divided by its mean in the base graph, so that weights compare; the paper's own scales are not
/// published.
///
/// - score of a node = `node_points` · points + `node_cells` · base cells;
/// - weight of an edge = `edge_distance` · chord between mean places + `edge_features` · Euclidean
///   distance between mean features + `edge_points` · points of the neighbour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeoclassSetConfig {
    /// Number of classes to stop at.
    pub classes: usize,
    /// Weight of a node's points in its score.
    pub node_points: f64,
    /// Weight of a node's number of base cells in its score.
    pub node_cells: f64,
    /// Weight of the distance on the ground in an edge.
    pub edge_distance: f64,
    /// Weight of the distance between mean features in an edge.
    pub edge_features: f64,
    /// Weight of the neighbour's points in an edge.
    pub edge_points: f64,
    /// Which of the given features are used; `None` for none.
    pub features: Option<usize>,
}

impl Default for GeoclassSetConfig {
    /// 10,000 classes, smallest nodes first, joined to the nearest neighbour.
    fn default() -> Self {
        Self {
            classes: 10_000,
            node_points: 1.0,
            node_cells: 0.0,
            edge_distance: 1.0,
            edge_features: 0.0,
            edge_points: 0.0,
            features: None,
        }
    }
}

/// Several class sets over the same base cells, and the fine cells that their intersections make.
///
/// A fine cell is a tuple of classes, one of each set, that at least one base cell has. A model has
/// one head a set; a fine cell's score is the sum over the sets of the score of its class.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{AdaptivePartition, GeoclassSetConfig, GeoclassSets, LatLng};
/// use geoloc_geo_cells::PartitionBuilder;
///
/// let mut points = Vec::new();
/// for k in 0..2000 {
///     let t = f64::from(k);
///     points.push(LatLng::new(60.0 * (0.7 * t).sin(), 170.0 * (0.31 * t).sin())?);
/// }
/// let cells = AdaptivePartition { split_above: 8, drop_below: 1, ..Default::default() };
/// let (base, _) = cells.build(&points)?;
/// let sets = [(20, 1.0), (25, 0.0)].map(|(classes, node_cells)| GeoclassSetConfig {
///     classes,
///     node_cells,
///     ..GeoclassSetConfig::default()
/// });
/// let geoclasses = GeoclassSets::build(base, &sets, &[])?;
/// assert_eq!(geoclasses.set(0).map(|set| set.len()), Some(20));
/// assert!(geoclasses.fine().len() > 25);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GeoclassSets {
    base: Partition,
    sets: Vec<GeoclassSet>,
    fine: Partition,
    fine_of_base: Vec<u32>,
    /// Class in each set of each fine cell: `[fine, sets]`, row-major.
    tuples: Vec<u32>,
}

/// One set: its classes, and the fine cells of each class as a compressed sparse row list.
#[derive(Debug, Clone, PartialEq)]
struct GeoclassSet {
    classes: Partition,
    of_base: Vec<u32>,
    offsets: Vec<u32>,
    fine: Vec<u32>,
}

impl GeoclassSets {
    /// Merges the base cells once for each configuration.
    ///
    /// `features` are what the configurations refer to by index, each with one row a base class.
    /// Deterministic: equal scores are decided by the lower class.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if the base is not a partition of S2 cells, there is no configuration, a
    /// weight is negative or not finite, a set has no classes, or features have another number of
    /// rows.
    pub fn build(
        base: Partition,
        configs: &[GeoclassSetConfig],
        features: &[CellFeatures],
    ) -> Result<Self, PartitionError> {
        let cells = cells_of(&base)?;
        for config in configs {
            config.check(&base, features)?;
        }
        let adjacency = graph::adjacency(&base, cells);
        let classes = configs
            .iter()
            .map(|config| {
                let features = config.features.and_then(|i| features.get(i));
                merge::Merge::new(&base, &adjacency, features, config).run()
            })
            .collect();
        Self::from_classes(base, classes)
    }

    /// Sets from given classes: `classes[s][b]` is the class of base class `b` in set `s`. Any
    /// partition that the base is nested in can be a set: see [`Partition::parents_in`].
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if there is no set, a set does not have one entry a base class or skips
    /// a number, or the base is not a partition of S2 cells.
    pub fn from_classes(base: Partition, classes: Vec<Vec<u32>>) -> Result<Self, PartitionError> {
        cells_of(&base)?;
        if classes.is_empty() {
            return Err(PartitionError::Length {
                what: "geoclass sets",
                expected: 1,
                actual: 0,
            });
        }
        let partitions = classes
            .iter()
            .map(|set| base.join(set))
            .collect::<Result<Vec<_>, _>>()?;
        // Fine cells are numbered in the order of their tuples.
        let tuple = |b: usize| -> Vec<u32> {
            classes
                .iter()
                .filter_map(|set| set.get(b).copied())
                .collect()
        };
        let mut distinct: Vec<Vec<u32>> = (0..base.len()).map(tuple).collect();
        let of_base = distinct.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let fine_of_base: Vec<u32> = of_base
            .iter()
            .map(|t| distinct.partition_point(|d| d < t) as u32)
            .collect();
        let fine = base.join(&fine_of_base)?;
        let tuples: Vec<u32> = distinct.concat();
        let width = classes.len();
        let sets = partitions
            .into_iter()
            .zip(classes)
            .enumerate()
            .map(|(s, (partition, of_base))| {
                let column = || tuples.iter().skip(s).step_by(width).copied();
                let mut members = vec![Vec::new(); partition.len()];
                for (class, fine) in column().zip(0_u32..) {
                    if let Some(list) = members.get_mut(class as usize) {
                        list.push(fine);
                    }
                }
                let mut offsets = vec![0_u32];
                let mut total = 0;
                for list in &members {
                    total += list.len() as u32;
                    offsets.push(total);
                }
                GeoclassSet {
                    classes: partition,
                    of_base,
                    offsets,
                    fine: members.concat(),
                }
            })
            .collect();
        Ok(Self {
            base,
            sets,
            fine,
            fine_of_base,
            tuples,
        })
    }

    /// The over-segmentation that the sets are made of.
    #[must_use]
    pub fn base(&self) -> &Partition {
        &self.base
    }

    /// Number of sets.
    #[must_use]
    pub fn set_count(&self) -> usize {
        self.sets.len()
    }

    /// The classes of set `set` as a partition.
    #[must_use]
    pub fn set(&self, set: usize) -> Option<&Partition> {
        self.sets.get(set).map(|s| &s.classes)
    }

    /// The fine cells as a partition: one class a realised tuple.
    #[must_use]
    pub fn fine(&self) -> &Partition {
        &self.fine
    }

    /// For each base class its fine cell.
    #[must_use]
    pub fn fine_of_base(&self) -> &[u32] {
        &self.fine_of_base
    }

    /// For each base class its class in set `set`.
    #[must_use]
    pub fn classes_of_base(&self, set: usize) -> Option<&[u32]> {
        self.sets.get(set).map(|s| s.of_base.as_slice())
    }

    /// The class in each set of fine cell `fine`.
    #[must_use]
    pub fn tuple(&self, fine: usize) -> Option<&[u32]> {
        let width = self.sets.len();
        let start = fine.checked_mul(width)?;
        self.tuples.get(start..start.checked_add(width)?)
    }

    /// The class in each set of each fine cell: `[fine, sets]`, row-major.
    #[must_use]
    pub fn tuples(&self) -> &[u32] {
        &self.tuples
    }

    /// The fine cells of class `class` of set `set`, ascending.
    #[must_use]
    pub fn fine_of_class(&self, set: usize, class: usize) -> Option<&[u32]> {
        let set = self.sets.get(set)?;
        let (start, end) = (set.offsets.get(class)?, set.offsets.get(class + 1)?);
        set.fine.get(*start as usize..*end as usize)
    }

    /// The class of a place in each set; `None` where the ground belongs to no base cell.
    #[must_use]
    pub fn indices_of(&self, p: LatLng) -> Option<&[u32]> {
        self.tuple(self.fine.index_of(p)?)
    }
}

impl GeoclassSetConfig {
    fn check(&self, base: &Partition, features: &[CellFeatures]) -> Result<(), PartitionError> {
        let weights = [
            ("node_points", self.node_points),
            ("node_cells", self.node_cells),
            ("edge_distance", self.edge_distance),
            ("edge_features", self.edge_features),
            ("edge_points", self.edge_points),
        ];
        for (option, value) in weights {
            if !(value.is_finite() && value >= 0.0) {
                return Err(PartitionError::Option {
                    option,
                    value,
                    requirement: "finite and not negative",
                });
            }
        }
        if self.classes == 0 {
            return Err(PartitionError::Option {
                option: "classes",
                value: 0.0,
                requirement: "at least 1",
            });
        }
        match self.features.map(|i| (i, features.get(i))) {
            None if self.edge_features > 0.0 => Err(PartitionError::Option {
                option: "edge_features",
                value: self.edge_features,
                requirement: "0 where the set names no features",
            }),
            Some((i, None)) => Err(PartitionError::Option {
                option: "features",
                value: i as f64,
                requirement: "the index of given features",
            }),
            Some((_, Some(f))) if f.values.len() != base.len() * f.width => {
                Err(PartitionError::Length {
                    what: "rows of features",
                    expected: base.len(),
                    actual: f.values.len() / f.width.max(1),
                })
            }
            _ => Ok(()),
        }
    }
}

fn cells_of(base: &Partition) -> Result<&CellIndex, PartitionError> {
    match base.geometry() {
        Geometry::Cells(cells) => Ok(cells),
        _ => Err(PartitionError::NotCells {
            operation: "geoclass sets",
        }),
    }
}

#[cfg(test)]
#[path = "geoclass_tests.rs"]
mod tests;
