//! `PostgreSQL` with the pgvector extension, behind the traits of this crate (feature `pgvector`).

mod config;
mod index;
mod value;

pub use config::{PgConfig, PgSearch};
pub use index::PgIndex;
