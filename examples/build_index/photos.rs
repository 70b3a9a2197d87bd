//! A build from photos.

use std::path::{Path, PathBuf};

use geoloc::datasets::{ManifestColumns, decode_map, read_manifest_with};
use geoloc::geo_cells::LatLng;
use geoloc::job::{JobInput, path_text};
use geoloc::locate::{Embedder, PreparedPhoto};
use geoloc::retrieval::{IndexBuilder, Rows};
use serde_json::json;

use crate::Build;
use crate::folder::photos_of;
use crate::program::{Failure, at};
use crate::progress::{Done, Log, content, folder_of};

/// Photos embedded between two lines of progress.
const PHOTOS: usize = 64;

impl Build<'_> {
    /// Photos through the query branch of the model; those that fail are reported and left out.
    pub(crate) fn of_photos(
        &mut self,
        embedder: &dyn Embedder,
        source: &Path,
    ) -> Result<IndexBuilder, Failure> {
        let list = self.list(source)?;
        let input = |photo: &Listed| {
            let place = photo.place.map(|p| [p.lat(), p.lng()]);
            JobInput::new(&photo.name, json!(place)).with_times_of(&photo.path)
        };
        let mut builder = self.begin(&json!("photos"), list.iter().map(input).collect())?;
        let mut log = Log::open(&builder, &self.options.out)?;
        let start = usize::try_from(builder.next_id())?;
        self.resume(&log, &list)?;
        for from in (start..list.len()).step_by(PHOTOS) {
            let block = &list[from..(from + PHOTOS).min(list.len())];
            let mut done = Vec::with_capacity(block.len());
            for (at, (photo, row)) in block.iter().zip(embed(embedder, block)).enumerate() {
                let id = (from + at) as u64;
                let left_out = row
                    .as_ref()
                    .err()
                    .map(|e| format!("{}: {e}", photo.path.display()));
                if let Ok((vector, place)) = row {
                    let rows = Rows::new(&vector);
                    let (ids, places) = ([id], [place.into()]);
                    builder.add(&rows.with_ids(&ids).with_places(&places))?;
                }
                if let Some(reason) = &left_out {
                    self.left_out.add(reason);
                }
                let sha256 = content(&photo.path);
                done.push(Done {
                    row: id,
                    sha256,
                    left_out,
                });
            }
            log.append(&done)?;
            builder.checkpoint()?;
            errln!("{} of {} photos", from + block.len(), list.len());
        }
        Ok(builder)
    }

    /// Counts what an earlier call left out, and compares contents if asked to.
    fn resume(&mut self, log: &Log, list: &[Listed]) -> Result<(), Failure> {
        for done in log.before().values() {
            if let Some(reason) = &done.left_out {
                self.left_out.add(reason);
            }
            let photo = usize::try_from(done.row).ok().and_then(|row| list.get(row));
            if let Some(photo) = photo.filter(|_| self.options.check_content)
                && content(&photo.path) != done.sha256
            {
                let (file, folder) = (photo.path.display(), folder_of(&self.options.out));
                let folder = folder.display();
                return Err(format!(
                    "{folder} was begun with another input: the content of {file} was changed since; \
                     name another index, or remove {folder} to start anew"
                )
                .into());
            }
        }
        Ok(())
    }

    fn list(&mut self, source: &Path) -> Result<Vec<Listed>, Failure> {
        if source.is_dir() {
            let files = photos_of(source, &mut self.passed_over)?.into_iter();
            let listed = |path: PathBuf| Listed {
                name: path_text(path.strip_prefix(source).unwrap_or(&path)),
                path,
                place: None,
            };
            return Ok(files.map(listed).collect());
        }
        let columns = ManifestColumns {
            path: self.options.path_column.clone(),
            latitude: self.options.latitude_column.clone(),
            longitude: self.options.longitude_column.clone(),
        };
        let manifest = read_manifest_with(source, &columns).map_err(at(source))?;
        let file = source.display();
        let problems = manifest.problems.iter();
        self.left_out
            .add_all(problems.map(|problem| format!("{file}: {problem}")));
        let listed = |sample: geoloc::datasets::Sample| Listed {
            name: sample.id,
            path: sample.path,
            place: Some(sample.location),
        };
        Ok(manifest.samples.into_iter().map(listed).collect())
    }
}

/// A photo of the list.
struct Listed {
    name: String,
    path: PathBuf,
    /// From the list; else the photo carries it.
    place: Option<LatLng>,
}

/// Vector and place of each photo, or why there is none. Only what the network reads of them is held
/// together, not their pixels.
fn embed(embedder: &dyn Embedder, block: &[Listed]) -> Vec<Result<(Vec<f32>, LatLng), String>> {
    let paths: Vec<&PathBuf> = block.iter().map(|photo| &photo.path).collect();
    let read = decode_map(
        &paths,
        |k, photo| -> Result<(PreparedPhoto, LatLng), String> {
            let known = block.get(k).and_then(|listed| listed.place);
            let found = photo.exif_location();
            let place = known.or(found.location());
            let place = place.ok_or_else(|| found.problem().unwrap_or("no place").to_owned())?;
            Ok((embedder.prepare(&photo).map_err(|e| e.to_string())?, place))
        },
    );
    let read = read
        .into_iter()
        .map(|photo| photo.map_err(|e| e.source.to_string())?);
    let (mut ready, mut slots) = (Vec::new(), Vec::new());
    for photo in read {
        slots.push(photo.map(|(prepared, place)| {
            ready.push(prepared);
            place
        }));
    }
    let mut vectors = embedder.embed_prepared(ready).into_iter();
    let rows = slots.into_iter().map(|slot| {
        let place = slot?;
        match vectors.next() {
            Some(vector) => Ok((vector.map_err(|e| e.to_string())?, place)),
            None => Err("no answer".into()),
        }
    });
    rows.collect()
}
