//! Columns of plain values: in memory, or a part of a mapped file that is checked as it is read.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use bytemuck::{AnyBitPattern, NoUninit};
use memmap2::MmapMut;

use crate::error::{Damage, MemoryError};
use crate::store::{MappedSection, WrittenMap};

/// A column of `T`: 64-byte aligned, zeroed at first, on huge pages where the system has them.
pub(crate) struct Column<T> {
    bytes: Bytes,
    len: usize,
    of: PhantomData<T>,
}

/// Where the bytes of a column are.
pub(crate) enum Bytes {
    Empty,
    Memory(MmapMut),
    /// A file that is being written.
    Written(WrittenMap),
    File(MappedSection),
}

/// Where new columns are put: memory, or a file being written.
pub(crate) trait Room {
    /// Zeroed bytes for a section of that name.
    fn bytes(&mut self, name: &'static str, size: usize) -> Result<Bytes, MemoryError>;
}

/// Anonymous memory, on huge pages where the system has them.
pub(crate) struct InMemory;

impl Room for InMemory {
    fn bytes(&mut self, _: &'static str, size: usize) -> Result<Bytes, MemoryError> {
        let map = MmapMut::map_anon(size).map_err(|_| MemoryError { bytes: size as u64 })?;
        // A quarter more read bandwidth where it is granted; no harm where it is not.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Bytes::Memory(map))
    }
}

impl dyn Room + '_ {
    /// A zeroed column.
    pub(crate) fn column<T: Plain>(
        &mut self,
        name: &'static str,
        len: usize,
    ) -> Result<Column<T>, MemoryError> {
        let size = len
            .checked_mul(size_of::<T>())
            .ok_or(MemoryError { bytes: u64::MAX })?;
        if size == 0 {
            return Ok(Column::empty());
        }
        Ok(Column {
            bytes: self.bytes(name, size)?,
            len,
            of: PhantomData,
        })
    }
}

/// Anything that may be stored: no padding, every bit pattern valid.
pub(crate) trait Plain: AnyBitPattern + NoUninit {}
impl<T: AnyBitPattern + NoUninit> Plain for T {}

impl<T: Plain> Column<T> {
    /// No values.
    pub(crate) fn empty() -> Self {
        Self {
            bytes: Bytes::Empty,
            len: 0,
            of: PhantomData,
        }
    }

    pub(crate) fn copied(
        values: &[T],
        name: &'static str,
        room: &mut dyn Room,
    ) -> Result<Self, MemoryError> {
        let mut column = room.column(name, values.len())?;
        column.as_mut_slice().copy_from_slice(values);
        Ok(column)
    }

    /// A section whose length is a whole number of `T` and whose start is aligned for it.
    pub(crate) fn mapped(section: MappedSection) -> Option<Self> {
        let len = bytemuck::try_cast_slice::<u8, T>(section.unchecked())
            .ok()?
            .len();
        Some(Self {
            bytes: Bytes::File(section),
            len,
            of: PhantomData,
        })
    }

    /// Tells the system that values of a file will be read here and there.
    pub(crate) fn scattered(self) -> Self {
        if let Bytes::File(section) = &self.bytes {
            section.scattered();
        }
        self
    }

    /// All values, without checking those of a file.
    pub(crate) fn unchecked(&self) -> &[T] {
        let bytes: &[u8] = match &self.bytes {
            Bytes::Empty => return &[],
            Bytes::Memory(map) => map,
            Bytes::Written(map) => map,
            Bytes::File(section) => section.unchecked(),
        };
        // Maps begin at a page and have `len` values; `mapped` has tried the cast of a section.
        bytemuck::cast_slice(bytes)
    }

    /// Some values; the blocks of a file that hold them are checked when first read. A range past the end is
    /// damage: positions come from other parts of the file.
    pub(crate) fn get(&self, range: Range<usize>) -> Result<&[T], Damage> {
        if let Bytes::File(section) = &self.bytes {
            section.check(range.start * size_of::<T>()..range.end * size_of::<T>())?;
        }
        let start = range.start;
        let values = self.unchecked().get(range);
        values.ok_or_else(|| self.past_end(start))
    }

    /// All values, checked.
    pub(crate) fn all(&self) -> Result<&[T], Damage> {
        self.get(0..self.len)
    }

    /// One value, checked.
    pub(crate) fn at(&self, index: usize) -> Result<T, Damage> {
        match self.get(index..index.saturating_add(1))? {
            [value, ..] => Ok(*value),
            [] => Err(self.past_end(index)),
        }
    }

    fn past_end(&self, index: usize) -> Damage {
        let offset = index.saturating_mul(size_of::<T>());
        match &self.bytes {
            Bytes::File(section) => section.damage(offset),
            _ => Damage {
                file: "memory".into(),
                section: "column",
                offset: offset as u64,
            },
        }
    }

    /// The values in memory or in a file that is being written; empty for one that is only read.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        match &mut self.bytes {
            // As in `unchecked`.
            Bytes::Memory(map) => bytemuck::cast_slice_mut(map),
            Bytes::Written(map) => bytemuck::cast_slice_mut(map),
            _ => &mut [],
        }
    }

    /// In a file that is being written: its pages no longer count as memory of this process.
    pub(crate) fn release(&self) {
        if let Bytes::Written(map) = &self.bytes {
            map.release();
        }
    }

    /// The bytes as they are stored, checked.
    pub(crate) fn bytes(&self) -> Result<&[u8], Damage> {
        Ok(bytemuck::cast_slice(self.all()?))
    }

    /// Bytes held in memory or mapped.
    pub(crate) fn size(&self) -> usize {
        self.len * size_of::<T>()
    }
}

impl<T> fmt::Debug for Column<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.bytes {
            Bytes::Empty => "empty",
            Bytes::Memory(_) => "memory",
            Bytes::Written(_) => "new file",
            Bytes::File(_) => "file",
        };
        write!(f, "Column({} {} values)", self.len, kind)
    }
}
