//! The subdivision level of a cell.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A number that is not a subdivision level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cell level {value} is outside 0..=30")]
#[non_exhaustive]
pub struct LevelError {
    /// The rejected value.
    pub value: u8,
}

/// How often a face of the cube has been divided by four: 0 (a face) to 30 (a leaf of about 1 cm).
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::Level;
///
/// assert_eq!(Level::new(13)?.get(), 13);
/// assert!(Level::new(31).is_err());
/// # Ok::<(), geoloc_geo_cells::LevelError>(())
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

impl Level {
    /// The six faces.
    pub const FACE: Self = Self(0);
    /// The leaves.
    pub const LEAF: Self = Self(30);

    /// Cells about 2,500 km wide: the coarsest of partitions that are published.
    pub(crate) const SECOND: Self = Self(2);
    /// Cells about 40 km wide.
    pub(crate) const EIGHTH: Self = Self(8);

    /// Checks a level.
    ///
    /// # Errors
    ///
    /// [`LevelError`] if `value` is above 30.
    pub const fn new(value: u8) -> Result<Self, LevelError> {
        if value <= 30 {
            Ok(Self(value))
        } else {
            Err(LevelError { value })
        }
    }

    /// The level as a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// All levels, faces first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        (0..31_u8).map(Self)
    }

    /// The next finer level; `None` at the leaves.
    #[must_use]
    pub const fn finer(self) -> Option<Self> {
        if self.0 < 30 {
            Some(Self(self.0 + 1))
        } else {
            None
        }
    }

    /// The next coarser level; `None` at the faces.
    #[must_use]
    pub const fn coarser(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The lowest set bit of the ids of this level.
    pub(crate) const fn lowest_bit(self) -> u64 {
        1 << (2 * (30 - self.0 as u32))
    }

    /// The level of an id, which must be valid.
    pub(crate) const fn of_raw(raw: u64) -> Self {
        let zeros = raw.trailing_zeros();
        let half = if zeros > 60 { 30 } else { zeros / 2 };
        Self((30 - half) as u8)
    }
}

impl TryFrom<u8> for Level {
    type Error = LevelError;
    fn try_from(value: u8) -> Result<Self, LevelError> {
        Self::new(value)
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}
