//! Making the collection, and waiting for its graph.

use std::time::{Duration, Instant};

use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CollectionInfo, CollectionStatus, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder,
    Distance, FieldType, HnswConfigDiffBuilder, VectorParams, VectorParamsBuilder,
};

use crate::error::EngineError;

use super::QdrantSearch;
use super::connection::{Connection, refused, timed_out};
use super::points::{CELL, ROW};

/// Makes the collection if it is not there, and its indexes of payload; checks dimension and distance.
pub(super) fn create(connection: &Connection, dim: usize) -> Result<(), EngineError> {
    let name = &connection.config().collection;
    let exists = connection.call(name.clone(), |client, name| async move {
        client.collection_exists(name).await
    })?;
    let created = if exists {
        Ok(())
    } else {
        make(connection, dim)
    };
    // Two clients may have made it at once: what counts is what is there.
    let info = match (info(connection), created) {
        (Ok(info), _) => info,
        (_, Err(error)) | (Err(error), Ok(())) => return Err(error),
    };
    match vector_params(&info) {
        Some(found) if found.size == dim as u64 && found.distance() == Distance::Dot => {}
        Some(found) => {
            return Err(refused(format!(
                "collection {name} has {} columns and distance {:?}, not {dim} and Dot",
                found.size,
                found.distance()
            )));
        }
        None => return Err(refused(format!("collection {name} has named vectors"))),
    }
    for field in [CELL, ROW] {
        let index = CreateFieldIndexCollectionBuilder::new(name, field, FieldType::Integer)
            .wait(true)
            .build();
        connection.call(index, |client, index| async move {
            client.create_field_index(index).await
        })?;
    }
    Ok(())
}

fn make(connection: &Connection, dim: usize) -> Result<(), EngineError> {
    let graph = match connection.config().search {
        // No links, no graph.
        QdrantSearch::Scan => HnswConfigDiffBuilder::default().m(0),
        QdrantSearch::Hnsw {
            m, ef_construct, ..
        } => HnswConfigDiffBuilder::default()
            .m(m)
            .ef_construct(ef_construct),
    };
    let collection = CreateCollectionBuilder::new(&connection.config().collection)
        .vectors_config(VectorParamsBuilder::new(dim as u64, Distance::Dot))
        .hnsw_config(graph)
        .timeout(connection.seconds())
        .build();
    connection.call(collection, |client, collection| async move {
        client.create_collection(collection).await
    })?;
    Ok(())
}

fn info(connection: &Connection) -> Result<CollectionInfo, EngineError> {
    let name = connection.config().collection.clone();
    let answer = connection.call(name, |client, name| async move {
        client.collection_info(name).await
    })?;
    answer
        .result
        .ok_or_else(|| refused("the server tells nothing of the collection"))
}

fn vector_params(info: &CollectionInfo) -> Option<&VectorParams> {
    let params = info.config.as_ref()?.params.as_ref()?;
    match params.vectors_config.as_ref()?.config.as_ref()? {
        Config::Params(params) => Some(params),
        Config::ParamsMap(_) => None,
    }
}

/// Waits until the server has built what it builds.
pub(super) fn wait_until_built(connection: &Connection) -> Result<(), EngineError> {
    let limit = connection.config().seal_timeout;
    let (started, mut pause) = (Instant::now(), Duration::from_millis(10));
    loop {
        match info(connection)?.status() {
            // Grey: optimisations are pending until the next write, and nothing is being built.
            CollectionStatus::Green | CollectionStatus::Grey => return Ok(()),
            CollectionStatus::Red => return Err(refused("building the collection failed")),
            _ if started.elapsed() >= limit => {
                return Err(timed_out(format!("the graph is not built after {limit:?}")));
            }
            _ => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Removes the collection.
pub(super) fn drop_collection(connection: &Connection) -> Result<(), EngineError> {
    let name = connection.config().collection.clone();
    connection.call(name, |client, name| async move {
        client.delete_collection(name).await
    })?;
    Ok(())
}
