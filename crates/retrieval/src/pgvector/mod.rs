//! `PostgreSQL` with the pgvector extension, behind the traits of this crate (feature `pgvector`).

mod config;
mod connection;
mod index;
mod search;
mod table;
mod value;

pub use config::{PgConfig, PgSearch};
pub use index::PgIndex;

const ENGINE: &str = "pgvector";
