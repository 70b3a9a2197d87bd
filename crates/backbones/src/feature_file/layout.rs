//! What a feature file holds, and of what.

use std::path::Path;

use geoloc_core::FeatureSpec;
use serde::{Deserialize, Serialize};

use super::FeatureFileError;

pub(super) const MAGIC: &[u8; 8] = b"GEOLFEAT";
pub(super) const VERSION: u32 = 1;
pub(super) const COUNT_AT: u64 = 16;
pub(super) const HASH_AT: u64 = 24;
/// Of the header; 0 in files of older releases, which had none.
const CHECKSUM_AT: usize = 56;
pub(super) const HEADER_AT: usize = 64;
pub(super) const ROWS_AT: u64 = 4096;

/// What the features were computed from. All three decide; any text will do, as long as another
/// content gives another text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureKey {
    /// Hash of the data and their order.
    pub data: String,
    /// Hash of the weights, for instance
    /// [`LoadReport::sha256`](crate::weights::LoadReport::sha256), and what else tells the network
    /// from others.
    pub weights: String,
    /// The preprocessing, for instance as JSON.
    pub input: String,
}

/// How numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits: half the size, three significant digits, up to 65504.
    F16,
}

/// Number and shape of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureLayout {
    /// Number of rows once the file is whole.
    pub rows: u64,
    /// Shape of a row; without a grid only the pooled vector is kept.
    pub spec: FeatureSpec,
    /// How numbers are stored.
    pub precision: Precision,
}

impl FeatureLayout {
    /// Numbers of a row; [`usize::MAX`] if they are more than can be counted, which no file has.
    #[must_use]
    pub fn values(&self) -> usize {
        let tokens = self
            .spec
            .grid
            .map_or(0, |[rows, columns]| rows.saturating_mul(columns));
        self.spec.width.saturating_mul(tokens.saturating_add(1))
    }

    /// Bytes of a row; [`usize::MAX`] if they are more than can be counted.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        match self.precision {
            Precision::F32 => self.values().saturating_mul(4),
            Precision::F16 => self.values().saturating_mul(2),
        }
    }

    /// Bytes of a finished file; `None` if they are more than can be counted, or a row has no values: then
    /// the number of its tokens is not bounded.
    pub(super) fn file_bytes(&self) -> Option<u64> {
        let row = self.row_bytes();
        if row == 0 || row == usize::MAX || self.values() == usize::MAX {
            return None;
        }
        let rows = self.rows.checked_mul(row as u64)?;
        usize::try_from(rows.checked_add(ROWS_AT)?)
            .ok()
            .map(|bytes| bytes as u64)
    }
}

/// The header as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) key: FeatureKey,
    pub(super) layout: FeatureLayout,
}

impl Header {
    /// The first 4096 bytes of a file without rows.
    pub(super) fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, FeatureFileError> {
        let json = serde_json::to_vec(self).map_err(|e| damaged(path, e))?;
        let mut bytes = vec![0; ROWS_AT as usize];
        let numbers = [VERSION, json.len() as u32].map(u32::to_le_bytes);
        let fixed = [MAGIC.as_slice(), numbers.as_flattened()].concat();
        let sum = checksum(&json).to_le_bytes().to_vec();
        for (at, part) in [(0, &fixed), (CHECKSUM_AT, &sum), (HEADER_AT, &json)] {
            match bytes.get_mut(at..at + part.len()) {
                Some(place) => place.copy_from_slice(part),
                None => return Err(damaged(path, "the key is longer than 4000 bytes")),
            }
        }
        Ok(bytes)
    }

    /// The header, the number of rows written and the checksum of the first 4096 bytes of a file.
    pub(super) fn from_bytes(
        path: &Path,
        bytes: &[u8],
    ) -> Result<(Self, u64, [u8; 32]), FeatureFileError> {
        let cut = || damaged(path, "its header is cut short");
        let part = |at: usize, length: usize| bytes.get(at..at + length).ok_or_else(cut);
        if part(0, 8)? != MAGIC {
            return Err(damaged(path, "it does not begin as one"));
        }
        let number = |at: usize, length: usize| -> Result<u64, FeatureFileError> {
            let bytes = part(at, length)?.iter().enumerate();
            Ok(bytes.fold(0, |sum, (i, &b)| sum | u64::from(b) << (8 * i)))
        };
        let version = number(8, 4)?;
        if version != u64::from(VERSION) {
            return Err(damaged(path, format!("its version is {version}")));
        }
        let json = part(HEADER_AT, number(12, 4)? as usize)?;
        let stored = number(CHECKSUM_AT, 8)?;
        if stored != 0 && stored != checksum(json) {
            return Err(damaged(path, "its checksum does not fit its header"));
        }
        let header: Self = serde_json::from_slice(json).map_err(|e| damaged(path, e))?;
        if header.layout.file_bytes().is_none() {
            let reason = format!("its layout {:?} is of no file", header.layout);
            return Err(damaged(path, reason));
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(part(HASH_AT as usize, 32)?);
        Ok((header, number(COUNT_AT as usize, 8)?, hash))
    }

    /// Fails unless the file is of this key and layout.
    pub(super) fn expect(&self, path: &Path, expected: &Self) -> Result<(), FeatureFileError> {
        let text = |value: &FeatureLayout| format!("{value:?}");
        let pairs = [
            ("data set", &self.key.data, &expected.key.data),
            ("network", &self.key.weights, &expected.key.weights),
            ("preprocessing", &self.key.input, &expected.key.input),
            ("layout", &text(&self.layout), &text(&expected.layout)),
        ];
        match pairs
            .into_iter()
            .find(|(_, found, expected)| found != expected)
        {
            None => Ok(()),
            Some((what, found, expected)) => Err(FeatureFileError::OtherKey {
                path: path.to_path_buf(),
                what,
                expected: expected.clone(),
                found: found.clone(),
            }),
        }
    }
}

/// CRC-32 of a header, with a bit above it that tells it from none.
fn checksum(json: &[u8]) -> u64 {
    1 << 32 | u64::from(crc32fast::hash(json))
}

pub(super) fn damaged(path: &Path, reason: impl std::fmt::Display) -> FeatureFileError {
    FeatureFileError::Damaged {
        path: path.to_path_buf(),
        reason: reason.to_string(),
    }
}

pub(super) fn io(path: &Path, source: std::io::Error) -> FeatureFileError {
    FeatureFileError::Io {
        path: path.to_path_buf(),
        source,
    }
}
