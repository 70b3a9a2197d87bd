//! An [`IvfIndex`] on disk.

use std::collections::BTreeMap;
use std::path::Path;

use crate::flat::tiles_bytes;
use crate::kernels::TILE_ROWS;
use crate::origin::Origin;
use crate::row_store::RowStore;
use crate::row_table::MAX_ROWS;
use crate::store::{Manifest, Reader, SectionManifest, SegmentManifest, Stamp, StoreError, Writer};
use crate::{IvfConfig, IvfIndex, VectorIndexMut};

use super::router::Router;
use super::segment::{ListSegment, code_tile_bytes};

pub(crate) const KIND: &str = "ivf";

impl IvfIndex {
    /// Seals the index and writes it to one file, which appears whole or not at all.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while another writer saves or appends there; [`StoreError`] otherwise if the system
    /// refuses, or a file that this index reads is damaged.
    pub fn save(&mut self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        self.seal()?;
        let manifest = |shared, segments| self.manifest(shared, segments);
        let shared = |to: &mut Writer| self.save_router(to);
        self.origin = Some(Origin::save(
            path.as_ref(),
            &self.rows.sealed,
            shared,
            manifest,
        )?);
        Ok(())
    }

    /// Writes what changed since the index was opened or saved to the end of its file, as
    /// [`FlatIndex::append`](crate::FlatIndex::append) does. After [`rebuild`](Self::rebuild), use
    /// [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// As [`FlatIndex::append`](crate::FlatIndex::append).
    pub fn append(&mut self) -> Result<(), StoreError> {
        self.seal()?;
        let origin = self.origin.as_ref().ok_or(StoreError::NoFile)?;
        let manifest = |shared, segments| self.manifest(shared, segments);
        let shared = |to: &mut Writer| self.save_router(to);
        self.origin = Some(origin.append(&self.rows.sealed, shared, manifest)?);
        Ok(())
    }

    fn save_router(
        &self,
        to: &mut Writer,
    ) -> Result<BTreeMap<String, SectionManifest>, StoreError> {
        let mut shared = BTreeMap::new();
        if let Some(router) = &self.router {
            shared.insert("tiles".to_owned(), to.section(router.tiles.bytes()?)?);
        }
        Ok(shared)
    }

    fn manifest(
        &self,
        shared: BTreeMap<String, SectionManifest>,
        segments: Vec<SegmentManifest>,
    ) -> Manifest {
        Manifest {
            kind: KIND.to_owned(),
            dim: self.dim,
            next_id: self.rows.head.next_id(),
            config: Some(self.config.clone()),
            lists: self.lists(),
            embedding: self.embedding.clone(),
            shared,
            segments,
        }
    }

    /// Maps an index file; what is checked when is told at
    /// [`FlatIndex::open`](crate::FlatIndex::open). The list table and the centroids are read now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file is not an index of this kind, is damaged, or of a later version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let from = Reader::open(path.as_ref(), KIND)?;
        let manifest = &from.manifest;
        let (dim, lists) = (manifest.dim, manifest.lists);
        let config = manifest.config.clone();
        let config = config.ok_or_else(|| from.inconsistent("manifest"))?;
        let mut index = Self::new(dim, config)?;
        // Lists are counted in 32 bits, and one more entry marks their end.
        if lists >= MAX_ROWS {
            return Err(from.inconsistent("manifest"));
        }
        if lists > 0 {
            let bytes = tiles_bytes(lists, dim);
            let bytes = bytes.ok_or_else(|| from.inconsistent("section tiles"))?;
            let tiles = from.column::<u8>(&manifest.shared, "tiles", bytes)?;
            tiles.all()?;
            index.router = Some(Router { dim, lists, tiles });
        }
        for manifest in &manifest.segments {
            let segment = open_segment(&from, &index.config, dim, lists, manifest)?;
            index.rows.sealed.push(segment);
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
}

fn open_segment(
    from: &Reader,
    config: &IvfConfig,
    dim: usize,
    lists: usize,
    manifest: &SegmentManifest,
) -> Result<ListSegment, StoreError> {
    let store = RowStore::open(from, dim, manifest)?;
    // Every list is filled up to whole tiles.
    if !store.len.is_multiple_of(TILE_ROWS) {
        return Err(from.inconsistent("manifest"));
    }
    let tiles = store.len / TILE_ROWS;
    let size = |count: usize, each: usize, section: &str| {
        let size = count.checked_mul(each);
        size.ok_or_else(|| from.inconsistent(&format!("section {section}")))
    };
    let bytes = size(tiles, code_tile_bytes(config.codes, dim), "tiles")?;
    let values = size(lists, dim, "means")?;
    let sections = &manifest.sections;
    let segment = ListSegment {
        codes: config.codes,
        starts: from.column(sections, "starts", lists + 1)?,
        means: from.column(sections, "means", values)?,
        tiles: from.column(sections, "tiles", bytes)?,
        store,
    };
    segment.means.all()?;
    let starts = segment.starts.all()?;
    // No row may lie outside of all lists: a search of every list calls itself exact.
    let whole = starts.first() == Some(&0)
        && starts.is_sorted()
        && starts.last().is_some_and(|&end| end as usize == tiles);
    if whole {
        Ok(segment)
    } else {
        Err(from.inconsistent("section starts"))
    }
}

/// Finishes a file whose columns were made in place.
pub(crate) fn save_lists(
    mut to: Writer,
    config: &IvfConfig,
    router: &Router,
    shared: BTreeMap<String, SectionManifest>,
    segment: &ListSegment,
    (next_id, embedding): (u64, Option<&str>),
) -> Result<Stamp, StoreError> {
    let mut manifest = SegmentManifest {
        len: segment.store.len,
        sections: to.reserved()?,
        ..SegmentManifest::default()
    };
    segment.store.save_removed(&mut manifest, &mut to)?;
    to.finish(&Manifest {
        kind: KIND.to_owned(),
        dim: router.dim,
        next_id,
        config: Some(config.clone()),
        lists: router.lists,
        embedding: embedding.map(str::to_owned),
        shared,
        segments: vec![manifest],
    })
}
