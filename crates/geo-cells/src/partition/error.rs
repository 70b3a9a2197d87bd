//! What can go wrong when a partition is built or read.

use thiserror::Error;

use crate::Level;

/// Why no partition could be built.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// There are no points.
    #[error("a partition needs at least one point")]
    NoPoints,
    /// Every point was dropped.
    #[error(
        "all {points} points lie in cells with fewer than {drop_below} points: no class is left"
    )]
    NoClasses {
        /// Number of points given.
        points: u64,
        /// The smallest count that a class may have.
        drop_below: u64,
    },
    /// A cell that is small enough to stay whole would be dropped.
    #[error("split_above {split_above} is below drop_below {drop_below}: no cell could be kept")]
    Thresholds {
        /// A cell with more points is divided.
        split_above: u64,
        /// A cell with fewer points is dropped.
        drop_below: u64,
    },
    /// The coarsest level is finer than the finest.
    #[error("min_level {min} is finer than max_level {max}")]
    Levels {
        /// The coarsest level allowed.
        min: Level,
        /// The finest level allowed.
        max: Level,
    },
    /// A number in a configuration has no meaning.
    #[error("{option} is {value}, it must be {requirement}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// The value given.
        value: f64,
        /// What it must be.
        requirement: &'static str,
    },
    /// More classes than a 32-bit index can number.
    #[error("{classes} classes are more than a partition can hold")]
    TooManyClasses {
        /// Number of classes.
        classes: usize,
    },
    /// Two lists that belong together differ in length.
    #[error("{what}: expected {expected}, got {actual}")]
    Length {
        /// What was counted.
        what: &'static str,
        /// Number required.
        expected: usize,
        /// Number given.
        actual: usize,
    },
    /// A number in a list is NaN or infinite.
    #[error("{what}: the value at index {index} is not finite")]
    NotFinite {
        /// Which list.
        what: &'static str,
        /// Index of the first such value.
        index: usize,
    },
    /// Two cells overlap.
    #[error("cells {first} and {second} overlap")]
    Overlap {
        /// Token of the first cell.
        first: String,
        /// Token of the second cell.
        second: String,
    },
    /// Four numbers are not a box inside the world.
    #[error("box {index} is not a box of latitudes and longitudes")]
    Box {
        /// Index of the box.
        index: usize,
    },
    /// Two boxes overlap.
    #[error("boxes {first} and {second} overlap")]
    BoxOverlap {
        /// Index of the first box.
        first: usize,
        /// Index of the second box.
        second: usize,
    },
    /// Two classes have the same name.
    #[error("the name {name:?} occurs twice")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A class of the fine partition lies in no class of the coarse one, or in several.
    #[error("class {class} of the fine partition is not inside one class of the coarse partition")]
    NotNested {
        /// Index of the class in the fine partition.
        class: usize,
    },
    /// The builder or operation needs a partition of S2 cells.
    #[error("{operation} needs a partition of S2 cells")]
    NotCells {
        /// What was asked for.
        operation: &'static str,
    },
    /// A class index does not exist.
    #[error("class {class} does not exist, there are {classes}")]
    Class {
        /// The index given.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
}

/// Why bytes are not a partition of this library.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartitionBytesError {
    /// The bytes do not start with the format's mark.
    #[error("these bytes are not a partition of this library")]
    Magic,
    /// Written by a later version.
    #[error("partition format version {found}, this library reads version {supported}")]
    Version {
        /// The version in the bytes.
        found: u32,
        /// The version that is read.
        supported: u32,
    },
    /// The bytes hold something else of this library.
    #[error("expected a {expected}, the bytes hold kind {found}")]
    Kind {
        /// What was asked for.
        expected: &'static str,
        /// The kind number in the bytes.
        found: u32,
    },
    /// The bytes end early.
    #[error("the bytes end at {length}, {needed} more are needed")]
    Truncated {
        /// Number of bytes given.
        length: usize,
        /// How many more the next field needs.
        needed: usize,
    },
    /// Bytes are left over.
    #[error("{extra} bytes follow the end of the partition")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// The checksum differs: the bytes were changed.
    #[error("the checksum does not match: the bytes were damaged or changed")]
    Checksum,
    /// The values can be read, but are not in the one form that this library writes: cells out of
    /// order, a longitude not folded. Read and written again the bytes, and so the content hash,
    /// would change.
    #[error("the values are not in the order and form in which they are written")]
    Form,
    /// A field holds a value that it cannot have.
    #[error("the field {field} holds an impossible value at index {index}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// Index of the element.
        index: usize,
    },
}
