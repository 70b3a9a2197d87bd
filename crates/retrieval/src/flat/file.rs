//! A [`FlatIndex`] on disk.

use std::collections::BTreeMap;
use std::path::Path;

use crate::VectorIndexMut;
use crate::origin::Origin;
use crate::row_store::RowStore;
use crate::store::{Manifest, Reader, SegmentManifest, StoreError};

use super::FlatIndex;
use super::segment::Segment;
use super::tiles::Tiles;

pub(crate) const KIND: &str = "flat";

impl FlatIndex {
    /// Seals the index and writes it to one file. The file appears whole or not at all: it is written
    /// under another name and renamed.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while another writer saves or appends there; [`StoreError`] otherwise if the system
    /// refuses, or a file that this index reads is damaged.
    pub fn save(&mut self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        self.seal()?;
        let sealed = &self.rows.sealed;
        let manifest = |_, segments| self.manifest(segments);
        let origin = Origin::save(path.as_ref(), sealed, |_| Ok(BTreeMap::new()), manifest)?;
        self.origin = Some(origin);
        Ok(())
    }

    /// Maps an index file. Headers and the table of contents are checked now, each block of data when a
    /// search first reads it: opening takes no time, and no unchecked byte enters an answer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file is not an index of this kind, is damaged, or of a later version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::read(Reader::open(path.as_ref(), KIND)?)
    }

    /// The rows of a file of this kind, or of one that holds more besides.
    pub(crate) fn read(from: Reader) -> Result<Self, StoreError> {
        let dim = from.manifest.dim;
        let mut index = Self::new(dim)?;
        for manifest in &from.manifest.segments {
            let store = RowStore::open(&from, dim, manifest)?;
            let tiles = Tiles::open(&from, &manifest.sections, store.len, dim)?;
            index.rows.sealed.push(Segment { tiles, store });
        }
        index.rows.head.skip_ids_below(from.manifest.next_id);
        index.embedding.clone_from(&from.manifest.embedding);
        index.origin = Some(from.into_origin());
        Ok(index)
    }

    /// Reads the whole file and checks every block.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], naming the section and the offset.
    pub fn verify(&self) -> Result<(), StoreError> {
        Ok(self.rows.verify()?)
    }

    /// Writes what changed since the index was opened or saved to the end of its file: rows added (as
    /// new segments) and rows removed (as marks). At every moment the file holds either the old index
    /// or the new one. Without a file, or after [`compact`](Self::compact), use [`save`](Self::save).
    ///
    /// One writer at a time: the file is locked while it is appended to.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] if the file was appended to or replaced since this index was opened or saved (open
    /// it anew and make the changes again); [`StoreError::InUse`] while another writer appends;
    /// [`StoreError`] otherwise if the system refuses or the index has no file. The file is unchanged then.
    pub fn append(&mut self) -> Result<(), StoreError> {
        self.seal()?;
        let origin = self.origin.as_ref().ok_or(StoreError::NoFile)?;
        let manifest = |_, segments| self.manifest(segments);
        self.origin = Some(origin.append(&self.rows.sealed, |_| Ok(BTreeMap::new()), manifest)?);
        Ok(())
    }

    pub(crate) fn manifest(&self, segments: Vec<SegmentManifest>) -> Manifest {
        Manifest {
            kind: KIND.to_owned(),
            dim: self.dim,
            next_id: self.rows.head.next_id(),
            config: None,
            lists: 0,
            embedding: self.embedding.clone(),
            shared: BTreeMap::new(),
            segments,
        }
    }
}
