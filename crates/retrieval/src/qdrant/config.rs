//! How to reach the server, and how it searches.

use std::fmt;
use std::time::Duration;

/// How the server finds neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QdrantSearch {
    /// By scoring every row.
    Scan,
    /// By an HNSW graph, which the server builds and extends as rows come in.
    Hnsw {
        /// Links per row and layer; Qdrant's default is 16.
        m: u64,
        /// Candidates while building; Qdrant's default is 100.
        ef_construct: u64,
        /// Candidates while searching.
        ef_search: u64,
    },
}

/// Settings of a [`QdrantIndex`](crate::QdrantIndex).
#[derive(Clone, PartialEq, Eq)]
pub struct QdrantConfig {
    /// The address of the server's gRPC interface: `http://host:6334`, or `https://` for an encrypted
    /// connection.
    pub url: String,
    /// The key that the server asks for, if it does.
    pub api_key: Option<String>,
    /// Name of the collection.
    pub collection: String,
    /// How the server finds neighbours; settings of the graph count when the collection is made.
    pub search: QdrantSearch,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long a call may take.
    pub timeout: Duration,
    /// How long [`seal`](crate::VectorIndexMut::seal) waits for the server to build its graph.
    pub seal_timeout: Duration,
    /// How often a call is tried again after the connection was lost.
    pub retries: u32,
    /// Rows sent in one call; at least 1.
    pub batch: usize,
}

impl QdrantConfig {
    /// A scan, 10 s to connect, 60 s a call, one hour to seal, two retries, 256 rows a call.
    #[must_use]
    pub fn new(url: &str, collection: &str) -> Self {
        Self {
            url: url.to_owned(),
            api_key: None,
            collection: collection.to_owned(),
            search: QdrantSearch::Scan,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_mins(1),
            seal_timeout: Duration::from_hours(1),
            retries: 2,
            batch: 256,
        }
    }
}

impl fmt::Debug for QdrantConfig {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QdrantConfig")
            .field("url", &self.url)
            .field("collection", &self.collection)
            .field("search", &self.search)
            .finish_non_exhaustive()
    }
}
