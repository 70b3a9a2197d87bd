//! Builds from vectors that are there already: the gallery of a model file, or a matrix.

use std::fs::File;
use std::path::Path;

use geoloc::artifact::Artifact;
use geoloc::geo_cells::{LatLng, PlacesOptions, read_places};
use geoloc::job::{JobInput, hex, path_text};
use geoloc::locate::RETRIEVAL;
use geoloc::retrieval::{IndexBuilder, Place, Rows};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::program::{Failure, at};
use crate::progress::{Done, Log, folder_of};
use crate::{Build, npy};

/// Vectors added between two lines of progress.
const VECTORS: usize = 65_536;

impl Build<'_> {
    /// The gallery inside the model file.
    pub(crate) fn of_gallery(&self, artifact: &Artifact) -> Result<IndexBuilder, Failure> {
        let manifest = artifact.manifest();
        let is_retrieval = |name: &&str| {
            let component = manifest.components.get(*name);
            component.is_some_and(|component| component.kind == RETRIEVAL)
        };
        let component = self.options.component.as_deref();
        let name = component.or(manifest.default_component.as_deref());
        let model = self.options.model.display();
        let name = name.filter(is_retrieval);
        let name = name.ok_or_else(|| format!("{model}: no retrieval component"))?;
        let (vectors, dim, locations) = artifact.gallery(name)?;
        let mut hash = Sha256::new();
        update(&mut hash, &vectors);
        let source = json!({ "gallery": hex(&hash.finalize()) });
        let builder = self.begin(&source, blocks_of(&locations))?;
        add_all(builder, dim, &locations, "gallery", |from, to| {
            Ok(vectors[from * dim..to * dim].to_vec())
        })
    }

    /// Vectors made elsewhere.
    pub(crate) fn of_matrix(&self, vectors: &Path, places: &Path) -> Result<IndexBuilder, Failure> {
        let mut matrix = npy::Matrix::open(vectors)?;
        let dim = self.dim;
        if matrix.columns != dim {
            let (file, columns) = (vectors.display(), matrix.columns);
            return Err(format!("{file}: {columns} columns, the model makes {dim}").into());
        }
        let locations = self.coordinates(places)?;
        if locations.len() != matrix.rows {
            let (rows, list, places) = (matrix.rows, places, locations.len());
            let (vectors, list) = (vectors.display(), list.display());
            return Err(
                format!("{vectors}: {rows} vectors, but {list}: {places} coordinates").into(),
            );
        }
        let file = JobInput::new(path_text(vectors), Value::Null).with_times_of(vectors);
        let mut inputs = vec![file];
        inputs.extend(blocks_of(&locations));
        let builder = self.begin(&json!("vectors"), inputs)?;
        let mut log = Log::open(&builder, &self.options.out)?;
        // What is in the index already is read past, and compared.
        let (mut read, mut hash) = (0, Sha256::new());
        let start = usize::try_from(builder.next_id())?;
        while read < start {
            let step = (start - read).min(VECTORS);
            update(&mut hash, &matrix.read(step)?);
            read += step;
        }
        let before = log.before().values().next_back();
        if before.is_some_and(|before| before.sha256 != Some(hex(&hash.clone().finalize()))) {
            let (file, folder) = (vectors.display(), folder_of(&self.options.out));
            let folder = folder.display();
            return Err(format!(
                "{folder} was begun with another input: rows of {file} were changed since; name \
                 another index, or remove {folder} to start anew"
            )
            .into());
        }
        add_all(builder, dim, &locations, &path_text(vectors), |from, to| {
            let block = matrix.read(to - from)?;
            update(&mut hash, &block);
            log.append(&[Done {
                row: to as u64 - 1,
                sha256: Some(hex(&hash.clone().finalize())),
                left_out: None,
            }])?;
            Ok(block)
        })
    }

    /// The coordinates of a CSV file; a bad row would shift all others, so it ends the build.
    fn coordinates(&self, file: &Path) -> Result<Vec<LatLng>, Failure> {
        let columns = PlacesOptions {
            latitude: self.options.latitude_column.clone(),
            longitude: self.options.longitude_column.clone(),
            ..PlacesOptions::default()
        };
        let table = read_places(File::open(file).map_err(at(file))?, &columns).map_err(at(file))?;
        match table.bad_rows.first() {
            Some(problem) => Err(format!("{}: {problem}", file.display()).into()),
            None => Ok(table.places),
        }
    }
}

/// Adds the rows that are not in the index yet.
fn add_all(
    mut builder: IndexBuilder,
    dim: usize,
    locations: &[LatLng],
    name: &str,
    mut vectors: impl FnMut(usize, usize) -> Result<Vec<f32>, Failure>,
) -> Result<IndexBuilder, Failure> {
    let start = usize::try_from(builder.next_id())?;
    for from in (start..locations.len()).step_by(VECTORS) {
        let to = (from + VECTORS).min(locations.len());
        let places: Vec<Place> = locations[from..to].iter().map(|&p| p.into()).collect();
        let block = vectors(from, to)?;
        debug_assert_eq!(block.len(), (to - from) * dim);
        // The builder counts rows within the block.
        let finite = |row: &[f32]| row.iter().all(|v| v.is_finite());
        if let Some(row) = block.chunks_exact(dim).position(|row| !finite(row)) {
            let row = from + row;
            return Err(format!("{name}: row {row} holds a number that is not finite").into());
        }
        builder.add(&Rows::new(&block).with_places(&places))?;
        errln!("{to} of {} rows", locations.len());
    }
    Ok(builder)
}

fn update(hash: &mut Sha256, values: &[f32]) {
    for value in values {
        hash.update(value.to_le_bytes());
    }
}

/// Places as inputs of a build, block by block: there may be millions.
fn blocks_of(locations: &[LatLng]) -> Vec<JobInput> {
    let block = |(k, places): (usize, &[LatLng])| {
        let mut hash = Sha256::new();
        for place in places {
            hash.update(place.lat().to_le_bytes());
            hash.update(place.lng().to_le_bytes());
        }
        let first = k * VECTORS;
        let name = format!(
            "coordinates of rows {first} to {}",
            first + places.len() - 1
        );
        JobInput::new(name, json!(hex(&hash.finalize())))
    };
    locations.chunks(VECTORS).enumerate().map(block).collect()
}
