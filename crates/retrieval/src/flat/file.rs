//! A [`FlatIndex`] on disk.

use std::path::Path;

use crate::VectorIndexMut;
use crate::kernels::TILE_ROWS;
use crate::row_store::RowStore;
use crate::store::{Manifest, Reader, SegmentManifest, StoreError, Writer, replace_file};

use super::FlatIndex;
use super::segment::{Segment, tile_bytes};

pub(crate) const KIND: &str = "flat";

/// The file that an index was opened from or saved to.
#[derive(Debug)]
pub(crate) struct Origin {
    path: std::path::PathBuf,
    sequence: u64,
    segments: Vec<SegmentManifest>,
}

impl FlatIndex {
    /// Seals the index and writes it to one file. The file appears whole or not at all: it is written
    /// under another name and renamed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the system refuses, or a file that this index reads is damaged.
    pub fn save(&mut self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let path = path.as_ref();
        self.seal()?;
        let mut segments = Vec::new();
        replace_file(path, |mut to| {
            for segment in &self.segments {
                let mut manifest = segment.store.save(&mut to)?;
                let tiles = to.section(segment.tiles.bytes()?)?;
                manifest.sections.insert("tiles".to_owned(), tiles);
                segments.push(manifest);
            }
            to.finish(&self.manifest(segments.clone()))
        })?;
        self.origin = Some(Origin {
            path: path.to_path_buf(),
            sequence: 1,
            segments,
        });
        Ok(())
    }

    /// Maps an index file. Headers and the table of contents are checked now, each block of data when a
    /// search first reads it: opening takes no time, and no unchecked byte enters an answer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file is not an index of this kind, is damaged, or of a later version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let from = Reader::open(path, KIND)?;
        let dim = from.manifest.dim;
        let mut index = Self::new(dim)?;
        for manifest in &from.manifest.segments {
            let store = RowStore::open(&from, dim, manifest)?;
            let bytes = store.len.div_ceil(TILE_ROWS) * tile_bytes(dim);
            let tiles = from.column(&manifest.sections, "tiles", bytes)?;
            index.segments.push(Segment { tiles, store });
        }
        index.head.skip_ids_below(from.manifest.next_id);
        index.origin = Some(Origin {
            path: path.to_path_buf(),
            sequence: from.sequence,
            segments: from.manifest.segments,
        });
        Ok(index)
    }

    /// Reads the whole file and checks every block.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], naming the section and the offset.
    pub fn verify(&self) -> Result<(), StoreError> {
        for segment in &self.segments {
            segment.tiles.all()?;
            segment.store.verify()?;
        }
        Ok(())
    }

    /// Writes what changed since the index was opened or saved to the end of its file: rows added (as
    /// new segments) and rows removed (as marks). At every moment the file holds either the old index
    /// or the new one. Without a file, or after [`compact`](Self::compact), use [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the system refuses or the index has no file.
    pub fn append(&mut self) -> Result<(), StoreError> {
        self.seal()?;
        let Some(origin) = &self.origin else {
            return Err(StoreError::NoFile);
        };
        let (path, sequence) = (origin.path.clone(), origin.sequence);
        let mut manifests = origin.segments.clone();
        let mut to = Writer::append(&path, sequence)?;
        for (number, segment) in self.segments.iter().enumerate() {
            match manifests.get_mut(number) {
                Some(old) if old.dead == segment.store.dead.count => {}
                Some(old) => segment.store.save_removed(old, &mut to)?,
                None => {
                    let mut new = segment.store.save(&mut to)?;
                    let tiles = to.section(segment.tiles.bytes()?)?;
                    new.sections.insert("tiles".to_owned(), tiles);
                    manifests.push(new);
                }
            }
        }
        to.finish(&self.manifest(manifests.clone()))?;
        self.origin = Some(Origin {
            path,
            sequence: sequence + 1,
            segments: manifests,
        });
        Ok(())
    }

    fn manifest(&self, segments: Vec<SegmentManifest>) -> Manifest {
        Manifest {
            kind: KIND.to_owned(),
            dim: self.dim,
            next_id: self.head.next_id(),
            config: None,
            lists: 0,
            shared: std::collections::BTreeMap::new(),
            segments,
        }
    }
}
