//! The versioned, checksummed binary form of partitions.
//!
//! Little-endian: the mark `GEOCELLS`, a version, a kind, the body, and the SHA-256 of all before
//! it. Arrays carry their length and are checked against the bytes that are left before memory is
//! taken for them.

use sha2::{Digest, Sha256};

use crate::LatLng;

use super::{Class, Geometry, Partition, PartitionBytesError};

const MAGIC: &[u8; 8] = b"GEOCELLS";
const VERSION: u32 = 1;
const DIGEST: usize = 32;

/// What the bytes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Partition = 1,
    Hierarchy = 2,
    GeoclassSets = 3,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Hierarchy => "hierarchy",
            Self::GeoclassSets => "collection of geoclass sets",
        }
    }
}

/// Appends fields.
pub(crate) struct ByteWriter(Vec<u8>);

impl ByteWriter {
    pub(crate) fn new(kind: Kind) -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((kind as u32).to_le_bytes());
        Self(bytes)
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn len(&mut self, value: usize) {
        self.u64(value as u64);
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn u32s(&mut self, values: impl ExactSizeIterator<Item = u32>) {
        self.len(values.len());
        values.for_each(|v| self.0.extend(v.to_le_bytes()));
    }

    pub(crate) fn u64s(&mut self, values: impl ExactSizeIterator<Item = u64>) {
        self.len(values.len());
        values.for_each(|v| self.u64(v));
    }

    pub(crate) fn f64s(&mut self, values: impl ExactSizeIterator<Item = f64>) {
        self.len(values.len());
        values.for_each(|v| self.f64(v));
    }

    pub(crate) fn places(&mut self, places: &[LatLng]) {
        self.len(places.len());
        for p in places {
            self.f64(p.lat());
            self.f64(p.lng());
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.len(text.len());
        self.0.extend(text.as_bytes());
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let digest = Sha256::digest(&self.0);
        self.0.extend(digest);
        self.0
    }
}

/// Takes fields off, checking every length.
pub(crate) struct ByteReader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> ByteReader<'a> {
    pub(crate) fn new(bytes: &'a [u8], kind: Kind) -> Result<Self, PartitionBytesError> {
        let rest = bytes.strip_prefix(MAGIC);
        let mut reader = Self {
            rest: rest.ok_or(PartitionBytesError::Magic)?,
            length: bytes.len(),
        };
        let version = u32::from_le_bytes(reader.take()?);
        if version != VERSION {
            return Err(PartitionBytesError::Version {
                found: version,
                supported: VERSION,
            });
        }
        let found = u32::from_le_bytes(reader.take()?);
        if found != kind as u32 {
            return Err(PartitionBytesError::Kind {
                expected: kind.name(),
                found,
            });
        }
        let Some(end) = bytes.len().checked_sub(DIGEST) else {
            return Err(reader.truncated(DIGEST));
        };
        let (before, digest) = bytes.split_at(end);
        if Sha256::digest(before).as_slice() != digest {
            return Err(PartitionBytesError::Checksum);
        }
        let Some((rest, _)) = reader.rest.split_last_chunk::<DIGEST>() else {
            return Err(reader.truncated(DIGEST));
        };
        reader.rest = rest;
        Ok(reader)
    }

    fn truncated(&self, needed: usize) -> PartitionBytesError {
        PartitionBytesError::Truncated {
            length: self.length,
            needed: needed.saturating_sub(self.rest.len()),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], PartitionBytesError> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.truncated(N));
        };
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, PartitionBytesError> {
        self.take::<1>().map(|[b]| b)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, PartitionBytesError> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, PartitionBytesError> {
        self.take().map(f64::from_le_bytes)
    }

    /// A length whose elements of `size` bytes must still be there.
    pub(crate) fn len(&mut self, size: usize) -> Result<usize, PartitionBytesError> {
        let length = self.u64()?;
        let bytes = usize::try_from(length)
            .ok()
            .and_then(|n| n.checked_mul(size));
        match bytes {
            Some(bytes) if bytes <= self.rest.len() => Ok(length as usize),
            _ => Err(self.truncated(bytes.unwrap_or(usize::MAX))),
        }
    }

    pub(crate) fn u32s(&mut self) -> Result<Vec<u32>, PartitionBytesError> {
        let n = self.len(4)?;
        (0..n)
            .map(|_| self.take().map(u32::from_le_bytes))
            .collect()
    }

    pub(crate) fn u64s(&mut self) -> Result<Vec<u64>, PartitionBytesError> {
        let n = self.len(8)?;
        (0..n).map(|_| self.u64()).collect()
    }

    pub(crate) fn f64s(&mut self) -> Result<Vec<f64>, PartitionBytesError> {
        let n = self.len(8)?;
        (0..n).map(|_| self.f64()).collect()
    }

    pub(crate) fn places(
        &mut self,
        field: &'static str,
    ) -> Result<Vec<LatLng>, PartitionBytesError> {
        let n = self.len(16)?;
        (0..n)
            .map(|index| {
                let (lat, lng) = (self.f64()?, self.f64()?);
                LatLng::new(lat, lng).map_err(|_| PartitionBytesError::Field { field, index })
            })
            .collect()
    }

    pub(crate) fn text(
        &mut self,
        field: &'static str,
        index: usize,
    ) -> Result<String, PartitionBytesError> {
        let n = self.len(1)?;
        let Some((head, rest)) = self.rest.split_at_checked(n) else {
            return Err(self.truncated(n));
        };
        self.rest = rest;
        String::from_utf8(head.to_vec()).map_err(|_| PartitionBytesError::Field { field, index })
    }

    pub(crate) fn finish(self) -> Result<(), PartitionBytesError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(PartitionBytesError::Trailing { extra }),
        }
    }
}

impl Partition {
    /// The binary form: versioned, checksummed, the same bytes for equal partitions.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(Kind::Partition);
        self.write(&mut w);
        w.finish()
    }

    /// Reads the binary form.
    ///
    /// # Errors
    ///
    /// [`PartitionBytesError`] if the bytes are not the binary form of a partition, of another
    /// version, damaged, or hold impossible values (overlapping cells, latitudes above 90). What is
    /// read has the content hash of the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PartitionBytesError> {
        let mut r = ByteReader::new(bytes, Kind::Partition)?;
        let partition = Self::read(&mut r)?;
        r.finish()?;
        same_form(&partition.to_bytes(), bytes)?;
        Ok(partition)
    }

    /// SHA-256 of the content in hexadecimal: equal for equal partitions, whoever built them.
    #[must_use]
    pub fn content_hash(&self) -> String {
        hash_of(&self.to_bytes())
    }

    pub(crate) fn write(&self, w: &mut ByteWriter) {
        w.places(&self.locations);
        w.f64s(self.spreads_km.iter().copied());
        w.u64s(self.counts.iter().copied());
        match &self.names {
            None => w.u8(0),
            Some(names) => {
                w.u8(1);
                for name in names {
                    w.text(name);
                }
            }
        }
        self.geometry.write(w);
    }

    pub(crate) fn read(r: &mut ByteReader<'_>) -> Result<Self, PartitionBytesError> {
        let field = |field, index| PartitionBytesError::Field { field, index };
        let locations = r.places("locations")?;
        let spreads_km = r.f64s()?;
        let counts = r.u64s()?;
        let n = locations.len();
        if spreads_km.len() != n || counts.len() != n {
            return Err(field("number of classes", 0));
        }
        if let Some(i) = spreads_km
            .iter()
            .position(|s| !(s.is_finite() && *s >= 0.0))
        {
            return Err(field("spreads", i));
        }
        let names = match r.u8()? {
            0 => None,
            1 => Some(
                (0..n)
                    .map(|i| r.text("names", i))
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            _ => return Err(field("names", 0)),
        };
        let geometry = Geometry::read(r, n)?;
        let classes: Vec<Class> = locations
            .into_iter()
            .zip(spreads_km)
            .zip(counts)
            .map(|((location, spread_km), count)| Class {
                location,
                spread_km,
                count,
            })
            .collect();
        Self::from_parts(&classes, names, geometry).map_err(|_| field("number of classes", 0))
    }
}

/// Whether what was read is written as it was.
pub(crate) fn same_form(written: &[u8], read: &[u8]) -> Result<(), PartitionBytesError> {
    if written == read {
        Ok(())
    } else {
        Err(PartitionBytesError::Form)
    }
}

/// The digest that ends `bytes`, in hexadecimal.
pub(crate) fn hash_of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = bytes
        .split_last_chunk::<DIGEST>()
        .map_or([0; DIGEST], |(_, d)| *d);
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
