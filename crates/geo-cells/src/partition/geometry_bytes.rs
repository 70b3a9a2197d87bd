//! The binary form of the ground of classes.

use crate::CellId;

use super::bytes::{ByteReader, ByteWriter};
use super::{Anchors, BoxIndex, CellIndex, Geometry, LatLngBox, PartitionBytesError, RegionIndex};

impl Geometry {
    pub(crate) fn write(&self, w: &mut ByteWriter) {
        match self {
            Self::Cells(cells) => {
                w.u8(1);
                let (ids, classes): (Vec<u64>, Vec<u32>) = cells
                    .iter()
                    .map(|(id, class)| (id.raw(), class as u32))
                    .unzip();
                w.u64s(ids.into_iter());
                w.u32s(classes.into_iter());
            }
            Self::Boxes(boxes) => {
                w.u8(2);
                let numbers: Vec<f64> = boxes
                    .boxes()
                    .iter()
                    .flat_map(|b| [b.min_lat, b.min_lng, b.max_lat, b.max_lng])
                    .collect();
                w.f64s(numbers.into_iter());
            }
            Self::Nearest(anchors) => {
                w.u8(3);
                w.places(anchors.places());
                // Without a limit a zero takes the place of its number.
                let (limited, max_km) = anchors.max_km().map_or((0, 0.0), |km| (1, km));
                w.u8(limited);
                w.f64(max_km);
            }
            Self::Regions(regions) => {
                w.u8(4);
                regions.write(w);
            }
        }
    }

    /// Reads the ground of `classes` classes.
    pub(crate) fn read(
        r: &mut ByteReader<'_>,
        classes: usize,
    ) -> Result<Self, PartitionBytesError> {
        let field = |field, index| PartitionBytesError::Field { field, index };
        match r.u8()? {
            1 => {
                let ids = r.u64s()?;
                let class = r.u32s()?;
                if ids.len() != class.len() {
                    return Err(field("classes of cells", 0));
                }
                let cells = ids
                    .into_iter()
                    .zip(class)
                    .enumerate()
                    .map(|(i, (raw, class))| {
                        CellId::try_from(raw)
                            .map(|id| (id, class))
                            .map_err(|_| field("cell ids", i))
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                let index = CellIndex::new(cells, classes).map_err(|_| field("cells", 0))?;
                Ok(Self::Cells(index))
            }
            2 => {
                let numbers = r.f64s()?;
                let (rows, rest) = numbers.as_chunks::<4>();
                if rows.len() != classes || !rest.is_empty() {
                    return Err(field("boxes", 0));
                }
                let boxes = rows
                    .iter()
                    .map(|&[min_lat, min_lng, max_lat, max_lng]| LatLngBox {
                        min_lat,
                        min_lng,
                        max_lat,
                        max_lng,
                    })
                    .collect();
                Ok(Self::Boxes(
                    BoxIndex::new(boxes).map_err(|_| field("boxes", 0))?,
                ))
            }
            3 => {
                let places = r.places("anchors")?;
                let limited = r.u8()?;
                let max_km = r.f64()?;
                if places.len() != classes || limited > 1 || max_km.is_nan() || max_km < 0.0 {
                    return Err(field("anchors", 0));
                }
                Ok(Self::Nearest(Anchors::new(
                    places,
                    (limited == 1).then_some(max_km),
                )))
            }
            4 => {
                let regions = RegionIndex::read(r)?;
                if regions.seeds().len() != classes {
                    return Err(field("seeds", 0));
                }
                Ok(Self::Regions(regions))
            }
            _ => Err(field("geometry", 0)),
        }
    }
}
