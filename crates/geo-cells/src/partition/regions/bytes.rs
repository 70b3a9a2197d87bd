//! The binary form of polygons.

use crate::partition::PartitionBytesError;
use crate::partition::bytes::{ByteReader, ByteWriter};

use super::{Polygon, RegionIndex};

impl RegionIndex {
    pub(crate) fn write(&self, w: &mut ByteWriter) {
        w.places(self.seeds());
        w.len(self.group_count());
        for classes in self.groups() {
            w.u32s(classes.iter().copied());
        }
        w.len(self.polygons().len());
        for (polygon, group) in self.polygons() {
            w.u64(group as u64);
            w.len(polygon.rings().len());
            for ring in polygon.rings() {
                w.f64s(ring.as_flattened().iter().copied());
            }
        }
    }

    pub(crate) fn read(r: &mut ByteReader<'_>) -> Result<Self, PartitionBytesError> {
        let seeds = r.places("seeds")?;
        let groups = r.len(8)?;
        let members = (0..groups)
            .map(|_| r.u32s())
            .collect::<Result<Vec<_>, _>>()?;
        let count = r.len(16)?;
        let mut polygons = Vec::new();
        for index in 0..count {
            let field = |field| PartitionBytesError::Field { field, index };
            let group = u32::try_from(r.u64()?).map_err(|_| field("groups of polygons"))?;
            let rings = r.len(8)?;
            let rings = (0..rings)
                .map(|_| {
                    let flat = r.f64s()?;
                    match flat.as_chunks::<2>() {
                        (vertices, []) => Ok(vertices.to_vec()),
                        _ => Err(field("vertices of polygons")),
                    }
                })
                .collect::<Result<Vec<_>, _>>()?;
            polygons.push((Polygon::new(rings).map_err(|_| field("polygons"))?, group));
        }
        Self::new(polygons, members, seeds).map_err(|_| PartitionBytesError::Field {
            field: "regions",
            index: 0,
        })
    }
}
