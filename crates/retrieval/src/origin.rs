//! The file behind an index, and what it lacks of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::segments::Sealed;
use crate::store::{
    Manifest, SectionManifest, SegmentManifest, Stamp, StoreError, Writer, replace_file,
};

type Shared = BTreeMap<String, SectionManifest>;

/// The file that an index was opened from or saved to.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) path: PathBuf,
    /// The state of the file that the segments are those of.
    pub(crate) stamp: Stamp,
    /// Sections that belong to no segment.
    pub(crate) shared: Shared,
    pub(crate) segments: Vec<SegmentManifest>,
}

impl Origin {
    /// Writes a new file, which appears whole or not at all. `shared` writes what belongs to no
    /// segment; `manifest` puts the table of contents together.
    pub(crate) fn save(
        path: &Path,
        sealed: &[impl Sealed],
        shared: impl FnOnce(&mut Writer) -> Result<Shared, StoreError>,
        manifest: impl FnOnce(Shared, Vec<SegmentManifest>) -> Manifest,
    ) -> Result<Self, StoreError> {
        let mut written = (Shared::new(), Vec::new());
        let stamp = replace_file(path, |mut to| {
            written.0 = shared(&mut to)?;
            for segment in sealed {
                written.1.push(segment.save(&mut to)?);
            }
            to.finish(&manifest(written.0.clone(), written.1.clone()))
        })?;
        Ok(Self {
            path: path.to_path_buf(),
            stamp,
            shared: written.0,
            segments: written.1,
        })
    }

    /// Writes new segments and removal marks to the end of the file, and `shared` if it has none yet.
    /// At every moment the file holds either the old index or the new one. The file is locked meanwhile, and
    /// refused if another writer was there first.
    pub(crate) fn append(
        &self,
        sealed: &[impl Sealed],
        shared: impl FnOnce(&mut Writer) -> Result<Shared, StoreError>,
        manifest: impl FnOnce(Shared, Vec<SegmentManifest>) -> Manifest,
    ) -> Result<Self, StoreError> {
        let mut to = Writer::append(&self.path, self.stamp)?;
        let mut segments = self.segments.clone();
        let shared = if self.shared.is_empty() {
            shared(&mut to)?
        } else {
            self.shared.clone()
        };
        for (number, segment) in sealed.iter().enumerate() {
            match segments.get_mut(number) {
                Some(old) if old.dead == segment.store().dead.count => {}
                Some(old) => segment.store().save_removed(old, &mut to)?,
                None => segments.push(segment.save(&mut to)?),
            }
        }
        let stamp = to.finish(&manifest(shared.clone(), segments.clone()))?;
        Ok(Self {
            path: self.path.clone(),
            stamp,
            shared,
            segments,
        })
    }
}
