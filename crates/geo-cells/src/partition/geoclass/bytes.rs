//! The binary form of geoclass sets.

use crate::partition::bytes::{ByteReader, ByteWriter, Kind, hash_of, same_form};
use crate::partition::{Partition, PartitionBytesError};

use super::GeoclassSets;

impl GeoclassSets {
    /// The binary form: the base and the class of each base class in each set; the rest follows.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(Kind::GeoclassSets);
        self.base.write(&mut w);
        w.len(self.sets.len());
        for set in &self.sets {
            w.u32s(set.of_base.iter().copied());
        }
        w.finish()
    }

    /// Reads the binary form.
    ///
    /// # Errors
    ///
    /// As [`Partition::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PartitionBytesError> {
        let mut r = ByteReader::new(bytes, Kind::GeoclassSets)?;
        let base = Partition::read(&mut r)?;
        let n = r.len(8)?;
        let classes = (0..n).map(|_| r.u32s()).collect::<Result<Vec<_>, _>>()?;
        r.finish()?;
        let sets = Self::from_classes(base, classes).map_err(|_| PartitionBytesError::Field {
            field: "geoclass sets",
            index: 0,
        })?;
        same_form(&sets.to_bytes(), bytes)?;
        Ok(sets)
    }

    /// SHA-256 of the content in hexadecimal.
    #[must_use]
    pub fn content_hash(&self) -> String {
        hash_of(&self.to_bytes())
    }
}
