//! How to reach the server, and how it searches.

use std::time::Duration;

/// How the server finds neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PgSearch {
    /// By reading every row.
    Scan,
    /// By an HNSW graph, built when the index is sealed.
    Hnsw {
        /// Links per row and layer; pgvector's default is 16.
        m: u32,
        /// Candidates while building; pgvector's default is 64.
        ef_construction: u32,
        /// Candidates while searching, 1 to 1000; pgvector's default is 40.
        ef_search: u32,
    },
}

/// Settings of a [`PgIndex`](crate::PgIndex).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgConfig {
    /// `postgresql://user:password@host:port/database`.
    pub url: String,
    /// Name of the table: letters, digits and underscores, at most 50.
    pub table: String,
    /// How the server finds neighbours.
    pub search: PgSearch,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long a statement may run; zero for no limit. Loading and sealing have none.
    pub statement_timeout: Duration,
    /// How often a search is tried again after the connection was lost.
    pub retries: u32,
}

impl PgConfig {
    /// A scan, 10 s to connect, 60 s a statement, two retries.
    #[must_use]
    pub fn new(url: &str, table: &str) -> Self {
        Self {
            url: url.to_owned(),
            table: table.to_owned(),
            search: PgSearch::Scan,
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_mins(1),
            retries: 2,
        }
    }

    /// Whether the table's name can stand in SQL as it is.
    pub(super) fn has_plain_name(&self) -> bool {
        let mut bytes = self.table.bytes();
        let first = bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        let rest = bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
        first && rest && self.table.len() <= 50
    }
}
