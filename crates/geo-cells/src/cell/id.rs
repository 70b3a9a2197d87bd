//! The 64-bit id of an S2 cell.

use std::num::NonZeroU64;

use thiserror::Error;

use super::projection;
use super::{Level, leaf_raw};
use crate::{LatLng, LatLngError};

/// A number that is not the id of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{raw:#018x} is not the id of a cell")]
#[non_exhaustive]
pub struct CellIdError {
    /// The rejected number.
    pub raw: u64,
}

/// The id of an S2 cell: three bits of face, two bits a level of position on the Hilbert curve, a
/// one, zeros. Ids equal those of Google's C++ library (0.14).
///
/// Ids are ordered along the curve, and the leaves of a cell are a contiguous range. Serialised
/// as its [token](Self::token), always text.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{CellId, LatLng, Level};
///
/// let paris = CellId::from_lat_lng(LatLng::new(48.8566, 2.3522)?);
/// assert_eq!(paris.token(), "47e66e1d8f8be23b");
/// let district = paris.parent(Level::new(13)?).ok_or("a leaf has a parent at level 13")?;
/// assert_eq!(district.token(), "47e66e1c");
/// assert!(district.contains(paris));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct CellId(NonZeroU64);

/// Lowest bits that a valid id may have: the even positions.
const LOWEST_BITS: u64 = 0x1555_5555_5555_5555;

impl TryFrom<u64> for CellId {
    type Error = CellIdError;
    fn try_from(raw: u64) -> Result<Self, CellIdError> {
        let lowest = raw & raw.wrapping_neg();
        match NonZeroU64::new(raw) {
            Some(id) if raw >> 61 < 6 && lowest & LOWEST_BITS != 0 => Ok(Self(id)),
            _ => Err(CellIdError { raw }),
        }
    }
}

impl From<CellId> for u64 {
    fn from(id: CellId) -> Self {
        id.0.get()
    }
}

impl CellId {
    /// The leaf cell that holds `p`.
    ///
    /// For many points see [`leaf_ids`](crate::leaf_ids), which gives the same ids faster.
    #[must_use]
    pub fn from_lat_lng(p: LatLng) -> Self {
        Self::known(leaf_raw(p.lat(), p.lng()))
    }

    /// The leaf cell of a latitude and a longitude in degrees, without folding the longitude: equal
    /// to Google's `S2CellId(S2LatLng::FromDegrees(lat, lng))` also for 180 and beyond, where
    /// rounding can choose the neighbour of the leaf that the folded longitude has.
    ///
    /// # Errors
    ///
    /// [`LatLngError`] if a number is not finite or the latitude lies outside [-90, 90]. Any number of
    /// turns is a longitude here, as in Google's library; [`LatLng::new`] is the door for coordinates.
    pub fn from_degrees(lat: f64, lng: f64) -> Result<Self, LatLngError> {
        LatLng::new(lat, 0.0)?;
        if !lng.is_finite() {
            return Err(LatLngError::Longitude { value: lng });
        }
        Ok(Self::known(leaf_raw(lat, lng)))
    }

    /// The cell of one of the six faces of the cube; `None` if `face` is above 5.
    #[must_use]
    pub fn from_face(face: u8) -> Option<Self> {
        (face < 6).then(|| Self::known((u64::from(face) << 61) | Level::FACE.lowest_bit()))
    }

    /// The six faces in order.
    #[must_use]
    pub fn faces() -> [Self; 6] {
        [0, 1, 2, 3, 4, 5].map(|face: u64| Self::known((face << 61) | Level::FACE.lowest_bit()))
    }

    /// Wraps a number that is known to be a valid id.
    #[allow(
        clippy::expect_used,
        reason = "callers compute ids from ids, levels and places, and every id ends in a one"
    )]
    pub(crate) fn known(raw: u64) -> Self {
        debug_assert!(Self::try_from(raw).is_ok(), "{raw:#018x} is no cell id");
        Self(NonZeroU64::new(raw).expect("the id of a cell is not 0"))
    }

    /// The id as a number.
    #[must_use]
    pub fn raw(self) -> u64 {
        self.0.get()
    }

    /// The face of the cube, 0 to 5.
    #[must_use]
    pub fn face(self) -> u8 {
        (self.raw() >> 61) as u8
    }

    /// The subdivision level.
    #[must_use]
    pub fn level(self) -> Level {
        Level::of_raw(self.raw())
    }

    /// Whether this is a leaf (level 30).
    #[must_use]
    pub fn is_leaf(self) -> bool {
        self.raw() & 1 == 1
    }

    fn lowest_bit(self) -> u64 {
        self.raw() & self.raw().wrapping_neg()
    }

    /// The cell of `level` that contains this one (itself at its own level); `None` if `level` is
    /// finer than the cell.
    #[must_use]
    pub fn parent(self, level: Level) -> Option<Self> {
        let lowest = level.lowest_bit();
        (lowest >= self.lowest_bit())
            .then(|| Self::known((self.raw() & lowest.wrapping_neg()) | lowest))
    }

    /// The four children in the order of the curve; `None` for a leaf.
    #[must_use]
    pub fn children(self) -> Option<[Self; 4]> {
        let step = self.lowest_bit() >> 1;
        let quarter = step >> 1;
        (quarter > 0).then(|| {
            let first = self.raw() - self.lowest_bit() + quarter;
            [0, 1, 2, 3].map(|k: u64| Self::known(first + k * step))
        })
    }

    /// Which child of its parent this cell is, 0 to 3; `None` for a face.
    #[must_use]
    pub fn child_position(self) -> Option<u8> {
        (self.level() > Level::FACE).then(|| ((self.raw() / (self.lowest_bit() << 1)) & 3) as u8)
    }

    /// The first leaf inside the cell.
    #[must_use]
    pub fn range_min(self) -> Self {
        Self::known(self.raw() - (self.lowest_bit() - 1))
    }

    /// The last leaf inside the cell.
    #[must_use]
    pub fn range_max(self) -> Self {
        Self::known(self.raw() + (self.lowest_bit() - 1))
    }

    /// Whether `other` lies inside this cell (a cell contains itself).
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        (self.range_min()..=self.range_max()).contains(&other)
    }

    /// Whether the two cells share ground: one contains the other.
    #[must_use]
    pub fn intersects(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The centre of the cell in the (s, t) coordinates of its face.
    #[must_use]
    pub fn center(self) -> LatLng {
        LatLng::of_direction(projection::center_vector(self.raw()))
    }

    /// The centre as a unit vector.
    #[must_use]
    pub fn center_unit_vector(self) -> [f64; 3] {
        let [x, y, z] = projection::center_vector(self.raw());
        // As Google's `Normalize`: times the inverse, which can differ from a division by 1 ulp.
        let inverse = 1.0 / (x * x + y * y + z * z).sqrt();
        [x * inverse, y * inverse, z * inverse]
    }

    /// The four edge neighbours at the same level: down, right, up, left.
    #[must_use]
    pub fn edge_neighbors(self) -> [Self; 4] {
        projection::edge_neighbors(self.raw()).map(Self::known)
    }
}
