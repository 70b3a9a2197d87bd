//! S2 cell ids as 64-bit keys.

use serde::{Deserialize, Serialize};

/// A valid S2 cell id, as stored in the cell column of an index.
///
/// Ids sort along the Hilbert curve of their face, so the leaves of a cell are one range of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct CellKey(u64);

impl CellKey {
    /// Takes a raw S2 id; `None` if its face is above 5 or its lowest set bit stands at an odd place.
    #[must_use]
    pub fn from_raw(raw: u64) -> Option<Self> {
        let face_is_valid = raw >> 61 < 6;
        let marker_is_valid = raw & raw.wrapping_neg() & 0x1555_5555_5555_5555 != 0;
        (face_is_valid && marker_is_valid).then_some(Self(raw))
    }

    /// The raw S2 id.
    #[must_use]
    pub fn raw(self) -> u64 {
        self.0
    }

    /// The smallest leaf id inside this cell.
    #[must_use]
    pub fn range_min(self) -> u64 {
        self.0 - (lowest_bit(self.0) - 1)
    }

    /// The largest leaf id inside this cell.
    #[must_use]
    pub fn range_max(self) -> u64 {
        self.0 + (lowest_bit(self.0) - 1)
    }
}

fn lowest_bit(raw: u64) -> u64 {
    raw & raw.wrapping_neg()
}

/// A number that is not an S2 cell id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{value:#018x} is not an S2 cell id")]
pub struct NotACell {
    /// The rejected value.
    pub value: u64,
}

impl TryFrom<u64> for CellKey {
    type Error = NotACell;
    fn try_from(value: u64) -> Result<Self, NotACell> {
        Self::from_raw(value).ok_or(NotACell { value })
    }
}

impl From<CellKey> for u64 {
    fn from(key: CellKey) -> u64 {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_what_is_not_a_cell() {
        assert!(CellKey::from_raw(0).is_none());
        assert!(CellKey::from_raw(2).is_none());
        assert!(CellKey::from_raw(0xD000_0000_0000_0000).is_none());
        assert!(CellKey::from_raw(1).is_some());
        assert!(CellKey::from_raw(0xB000_0000_0000_0000).is_some());
    }

    #[test]
    fn a_face_spans_its_leaves() {
        let face = CellKey::from_raw(0x1000_0000_0000_0000).unwrap();
        assert_eq!(face.range_min(), 1);
        assert_eq!(face.range_max(), 0x1fff_ffff_ffff_ffff);
        let leaf = CellKey::from_raw(5).unwrap();
        assert_eq!((leaf.range_min(), leaf.range_max()), (5, 5));
    }
}
