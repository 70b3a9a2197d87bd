//! A [`FusedIndex`] on disk.

use std::collections::BTreeMap;
use std::path::Path;

use crate::flat::{Segment, Tiles, tiles_bytes};
use crate::kernels::Kernel;
use crate::row_store::RowStore;
use crate::segments::Sealed;
use crate::store::{Manifest, Reader, StoreError, replace_file};

use super::FusedIndex;

pub(crate) const KIND: &str = "fused";

impl FusedIndex {
    /// Writes the index to one file, which appears whole or not at all.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while another writer saves or appends there; [`StoreError`] otherwise if the system
    /// refuses, or a file that this index reads is damaged.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let written = replace_file(path.as_ref(), |mut to| {
            let mut shared = BTreeMap::new();
            let columns = [
                ("prototypes", self.prototypes.bytes()?),
                ("prototype_tiles", self.prototype_tiles.bytes()?),
            ];
            for (name, bytes) in columns {
                if !bytes.is_empty() {
                    shared.insert(name.to_owned(), to.section(bytes)?);
                }
            }
            let mut segment = self.aerial.save(&mut to)?;
            let columns = [
                ("parents", self.parents.bytes()?),
                ("biases", self.biases.bytes()?),
            ];
            for (name, bytes) in columns {
                if !bytes.is_empty() {
                    let section = to.section(bytes)?;
                    segment.sections.insert(name.to_owned(), section);
                }
            }
            to.finish(&Manifest {
                kind: KIND.to_owned(),
                dim: self.dim,
                next_id: self.aerial.store.len as u64,
                config: None,
                lists: self.prototypes.size() / size_of::<f32>() / self.dim,
                embedding: self.embedding.clone(),
                shared,
                segments: vec![segment],
            })
        });
        written.map(|_| ())
    }

    /// Maps an index file; what is checked when is told at
    /// [`FlatIndex::open`](crate::FlatIndex::open).
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file is not an index of this kind, is damaged, or of a later version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let from = Reader::open(path.as_ref(), KIND)?;
        let damaged = || from.inconsistent("manifest");
        let (dim, prototypes) = (from.manifest.dim, from.manifest.lists);
        let [segment] = from.manifest.segments.as_slice() else {
            return Err(damaged());
        };
        let store = RowStore::open(&from, dim, segment)?;
        let sections = &segment.sections;
        let biased = if sections.contains_key("biases") {
            store.len
        } else {
            0
        };
        let values = prototypes.checked_mul(dim).ok_or_else(damaged)?;
        let tiles = tiles_bytes(prototypes, dim).ok_or_else(damaged)?;
        let shared = &from.manifest.shared;
        Ok(Self {
            dim,
            kernel: Kernel::detect(),
            parents: from.column(sections, "parents", store.len)?,
            biases: from.column(sections, "biases", biased)?,
            prototypes: from.column(shared, "prototypes", values)?,
            prototype_tiles: from.column(shared, "prototype_tiles", tiles)?,
            aerial: Segment {
                tiles: Tiles::open(&from, sections, store.len, dim)?,
                store,
            },
            embedding: from.manifest.embedding.clone(),
        })
    }

    /// Reads the whole file and checks every block.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], naming the section and the offset.
    pub fn verify(&self) -> Result<(), StoreError> {
        self.aerial.verify()?;
        self.aerial.store.verify()?;
        self.prototypes.all()?;
        self.prototype_tiles.all()?;
        self.parents.all()?;
        self.biases.all()?;
        Ok(())
    }
}
