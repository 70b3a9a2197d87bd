//! The first page of a table file.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::{TableConfig, TableError};

/// Bytes kept for the header; the cells follow.
pub(super) const PAGE: usize = 4096;
const MAGIC: &[u8; 8] = b"GEOPROTO";
/// Version of the format that is written and read.
pub(super) const VERSION: u32 = 1;
/// More rows than this are no rows of a file.
const MOST_ROWS: u64 = 1 << 40;
/// Bytes before the checksum of the header.
const CONTENT: usize = 80;

/// What the header holds, all numbers little-endian: magic, version, dim, rows, seed, step of the last
/// and of the previous checkpoint, count of checkpoints, scale, both decays, epsilon, checksum of the
/// cells, checksum of the header.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Header {
    pub(super) config: TableConfig,
    pub(super) rows: u64,
    pub(super) step: u64,
    pub(super) previous: u64,
    pub(super) generation: u64,
    pub(super) cells_sum: u64,
}

impl Header {
    pub(super) fn write(&self, page: &mut [u8]) {
        let mut bytes = Vec::with_capacity(CONTENT + 8);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((self.config.dim as u32).to_le_bytes());
        for value in [
            self.rows,
            self.config.seed,
            self.step,
            self.previous,
            self.generation,
        ] {
            bytes.extend(value.to_le_bytes());
        }
        let c = &self.config;
        for value in [c.scale, c.beta1, c.beta2, c.epsilon] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(self.cells_sum.to_le_bytes());
        bytes.extend(xxh3_64(&bytes).to_le_bytes());
        if let Some(to) = page.get_mut(..bytes.len()) {
            to.copy_from_slice(&bytes);
        }
    }

    pub(super) fn read(page: &[u8], path: &Path) -> Result<Self, TableError> {
        let damaged = || TableError::damaged(path, "header");
        if page.get(..8) != Some(MAGIC) {
            return Err(TableError::NotATable {
                path: path.to_path_buf(),
            });
        }
        let word = |at: usize| page.get(at..).and_then(|b| b.first_chunk::<4>()).copied();
        let long = |at: usize| page.get(at..).and_then(|b| b.first_chunk::<8>()).copied();
        let u32_at = |at| word(at).map(u32::from_le_bytes).ok_or_else(damaged);
        let f32_at = |at| word(at).map(f32::from_le_bytes).ok_or_else(damaged);
        let u64_at = |at| long(at).map(u64::from_le_bytes).ok_or_else(damaged);
        let found = u32_at(8)?;
        if found != VERSION {
            return Err(TableError::Version {
                path: path.to_path_buf(),
                found,
                expected: VERSION,
            });
        }
        let content = page.get(..CONTENT).ok_or_else(damaged)?;
        if xxh3_64(content) != u64_at(CONTENT)? {
            return Err(damaged());
        }
        let config = TableConfig {
            dim: u32_at(12)? as usize,
            seed: u64_at(24)?,
            scale: f32_at(56)?,
            beta1: f32_at(60)?,
            beta2: f32_at(64)?,
            epsilon: f32_at(68)?,
        };
        config.check()?;
        let (rows, generation) = (u64_at(16)?, u64_at(48)?);
        // So that neither lengths nor the next count overflow.
        if rows > MOST_ROWS || generation == u64::MAX {
            return Err(damaged());
        }
        Ok(Self {
            config,
            rows,
            step: u64_at(32)?,
            previous: u64_at(40)?,
            generation,
            cells_sum: u64_at(72)?,
        })
    }
}
