//! Heads, and the decoders of their outputs, for image geolocalization on burn.

pub mod album;
pub mod cell;
pub mod combinatorial;
pub mod cosine;
pub mod density;
pub mod embedding;
pub mod experts;
pub mod flow;
pub mod hierarchical;
pub mod hybrid;
pub mod mixture;
pub mod multitask;
pub mod named;
pub mod prototype;
pub mod prototype_table;
pub mod regression;
pub mod text;
pub mod within_cell;

mod rows;
mod several;
mod sphere;
mod unit;

#[cfg(test)]
mod gradients_tests;
