//! The first lists of an index: how rows are grouped.

use crate::column::Room;
use crate::error::MemoryError;
use crate::kernels::Kernel;
use crate::row_reader::RowReader;
use crate::row_table::RowSlices;

use super::router::Router;
use super::{Grouping, IvfConfig};

/// Centroids for rows, and the list of each row where that is not the nearest centroid.
pub(crate) fn group(
    config: &IvfConfig,
    source: &RowSlices<'_>,
    kernel: Kernel,
    room: &mut dyn Room,
) -> Result<(Router, Option<Vec<u32>>), MemoryError> {
    let lists = config.list_count(source.len());
    match config.grouping {
        Grouping::Means => {
            let router = train(config, source, lists, kernel, room)?;
            Ok((router, None))
        }
        Grouping::Cells => {
            let owners = runs(source, lists);
            Ok((Router::around(source, &owners, lists, room)?, Some(owners)))
        }
    }
}

/// Spherical k-means over an even sample of the rows.
fn train(
    config: &IvfConfig,
    source: &RowSlices<'_>,
    lists: usize,
    kernel: Kernel,
    room: &mut dyn Room,
) -> Result<Router, MemoryError> {
    let count = config.sample_count(source.len(), source.dim, lists);
    let mut sample = Vec::with_capacity(count * source.dim);
    let mut reader = RowReader::new(source);
    for i in 0..count {
        sample.extend_from_slice(reader.row(i * source.len() / count));
    }
    drop(reader);
    Router::train(&sample, source.dim, lists, config.rounds, kernel, room)
}

/// Runs of rows of about equal number in the order of their S2 ids.
fn runs(source: &RowSlices<'_>, lists: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..source.len() as u32).collect();
    order.sort_unstable_by_key(|&at| source.key(at as usize));
    let mut owners = vec![0; order.len()];
    for (position, &at) in order.iter().enumerate() {
        if let Some(owner) = owners.get_mut(at as usize) {
            *owner = (position * lists / order.len()) as u32;
        }
    }
    owners
}
