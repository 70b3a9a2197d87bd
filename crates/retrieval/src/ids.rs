//! The ids of the rows of a segment.

use std::collections::BTreeMap;

use crate::column::{Column, Room};
use crate::error::{Damage, MemoryError};
use crate::row_table::RowSlices;
use crate::store::{Reader, SectionManifest, StoreError};

/// The id of each position: 32 bits where all fit.
#[derive(Debug)]
pub(crate) enum Ids {
    Narrow(Column<u32>),
    Wide(Column<u64>),
}

impl Ids {
    pub(crate) fn build(
        source: &RowSlices<'_>,
        order: &[Option<u32>],
        room: &mut dyn Room,
    ) -> Result<Self, MemoryError> {
        let id = |from: &Option<u32>| from.map_or(0, |at| source.key(at as usize).1);
        if source.ids.iter().all(|&id| u32::try_from(id).is_ok()) {
            let mut column = room.column::<u32>("ids32", order.len())?;
            for (to, from) in column.as_mut_slice().iter_mut().zip(order) {
                *to = id(from) as u32;
            }
            return Ok(Self::Narrow(column));
        }
        let mut column = room.column::<u64>("ids", order.len())?;
        for (to, from) in column.as_mut_slice().iter_mut().zip(order) {
            *to = id(from);
        }
        Ok(Self::Wide(column))
    }

    pub(crate) fn open(
        from: &Reader,
        sections: &BTreeMap<String, SectionManifest>,
        len: usize,
    ) -> Result<Self, StoreError> {
        if sections.contains_key("ids32") {
            return Ok(Self::Narrow(from.column(sections, "ids32", len)?));
        }
        Ok(Self::Wide(from.column(sections, "ids", len)?))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Narrow(_) => "ids32",
            Self::Wide(_) => "ids",
        }
    }

    pub(crate) fn bytes(&self) -> Result<&[u8], Damage> {
        match self {
            Self::Narrow(column) => column.bytes(),
            Self::Wide(column) => column.bytes(),
        }
    }

    pub(crate) fn at(&self, at: usize) -> Result<u64, Damage> {
        match self {
            Self::Narrow(column) => column.at(at).map(u64::from),
            Self::Wide(column) => column.at(at),
        }
    }

    /// The id of a position, without checking the block of a file.
    pub(crate) fn unchecked(&self, at: usize) -> u64 {
        match self {
            Self::Narrow(column) => u64::from(column.unchecked()[at]),
            Self::Wide(column) => column.unchecked()[at],
        }
    }

    /// Bytes held.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Narrow(column) => column.size(),
            Self::Wide(column) => column.size(),
        }
    }
}
