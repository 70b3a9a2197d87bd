//! Reading rows of a finished file.
#![allow(unsafe_code, reason = "a mapped file can be changed by other programs")]

use std::fs::File;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData, f16};
use geoloc_core::Features;
use memmap2::Mmap;
use sha2::{Digest, Sha256};

use super::layout::{Header, ROWS_AT, damaged, io};
use super::{FeatureFileError, FeatureKey, FeatureLayout, Precision};

/// A finished feature file, mapped into memory: it may be larger than that.
#[derive(Debug)]
pub struct FeatureFile {
    path: PathBuf,
    header: Header,
    hash: [u8; 32],
    map: Mmap,
}

impl FeatureFile {
    /// Opens a finished file; the rows are not read.
    ///
    /// # Errors
    ///
    /// [`FeatureFileError::Damaged`] if the file is none, or not finished.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FeatureFileError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|e| io(path, e))?;
        // SAFETY: a finished file is not changed by this library. If another program cuts it short,
        // reads stop the process with a signal; if it overwrites bytes, the values read change,
        // which is harmless for plain numbers.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| io(path, e))?;
        let (header, count, hash) = Header::from_bytes(path, &map)?;
        let layout = &header.layout;
        if count != layout.rows || hash == [0; 32] {
            let reason = format!("{count} of {} rows are written", layout.rows);
            return Err(damaged(path, reason));
        }
        if layout.file_bytes() != Some(map.len() as u64) {
            return Err(damaged(path, format!("it has {} bytes", map.len())));
        }
        Ok(Self {
            path: path.to_path_buf(),
            header,
            hash,
            map,
        })
    }

    /// Opens a finished file if it is of this key, or says of what it is.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`FeatureFileError::OtherKey`].
    pub fn open_for(path: impl AsRef<Path>, key: &FeatureKey) -> Result<Self, FeatureFileError> {
        let path = path.as_ref();
        let file = Self::open(path)?;
        let expected = Header {
            key: key.clone(),
            layout: file.header.layout,
        };
        file.header.expect(path, &expected)?;
        Ok(file)
    }

    /// Reads all rows and compares them with the checksum.
    ///
    /// # Errors
    ///
    /// [`FeatureFileError::Damaged`] if a byte differs.
    pub fn verify(&self) -> Result<(), FeatureFileError> {
        // `open` has compared the length of the file with its layout.
        let rows = &self.map[ROWS_AT as usize..];
        if Sha256::digest(rows).as_slice() == self.hash {
            return Ok(());
        }
        Err(damaged(&self.path, "its checksum does not fit its rows"))
    }

    /// What the features were computed from.
    #[must_use]
    pub fn key(&self) -> &FeatureKey {
        &self.header.key
    }

    /// Number and shape of the rows.
    #[must_use]
    pub fn layout(&self) -> FeatureLayout {
        self.header.layout
    }

    /// Rows as features, in the order asked for; a row may be asked for more than once.
    ///
    /// # Shapes
    ///
    /// Pooled `[rows, width]` and, if the file has them, tokens `[rows, tokens, width]`.
    ///
    /// # Errors
    ///
    /// [`FeatureFileError::NoRow`].
    pub fn features(&self, rows: &[u64], device: &Device) -> Result<Features, FeatureFileError> {
        let layout = self.layout();
        let width = layout.spec.width;
        let mut pooled = Vec::with_capacity(rows.len() * width);
        let mut tokens = Vec::with_capacity(rows.len() * (layout.values() - width));
        for &row in rows {
            let bytes = self.row(row)?;
            let (first, rest) = bytes.split_at(layout.row_bytes() / (1 + layout.spec.tokens()));
            extend(&mut pooled, first, layout.precision);
            extend(&mut tokens, rest, layout.precision);
        }
        let pooled = TensorData::new(pooled, [rows.len(), width]);
        Ok(Features {
            pooled: Tensor::from_data(pooled, device),
            tokens: layout.spec.grid.map(|_| {
                let shape = [rows.len(), layout.spec.tokens(), width];
                Tensor::from_data(TensorData::new(tokens, shape), device)
            }),
        })
    }

    /// The pooled vectors of all rows, row-major `[rows, width]`.
    #[must_use]
    pub fn pooled(&self) -> Vec<f32> {
        let layout = self.layout();
        let length = layout.row_bytes() / (1 + layout.spec.tokens());
        let mut values = Vec::with_capacity(layout.rows as usize * layout.spec.width);
        // `open` has compared the length of the file with its layout.
        let rows = &self.map[ROWS_AT as usize..];
        for row in rows.chunks_exact(layout.row_bytes().max(1)) {
            extend(&mut values, &row[..length], layout.precision);
        }
        values
    }

    fn row(&self, row: u64) -> Result<&[u8], FeatureFileError> {
        let layout = self.layout();
        let none = FeatureFileError::NoRow {
            path: self.path.clone(),
            row,
            rows: layout.rows,
        };
        if row >= layout.rows {
            return Err(none);
        }
        let start = ROWS_AT as usize + row as usize * layout.row_bytes();
        self.map.get(start..start + layout.row_bytes()).ok_or(none)
    }
}

/// Numbers from their bytes.
fn extend(values: &mut Vec<f32>, bytes: &[u8], precision: Precision) {
    match precision {
        Precision::F32 => values.extend(
            bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|&b| f32::from_le_bytes(b)),
        ),
        Precision::F16 => values.extend(
            bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|&b| f16::from_le_bytes(b).to_f32()),
        ),
    }
}
