//! Partitions as tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{Read, Write};

use crate::partition::{
    Anchors, BoxIndex, CellIndex, Class, Geometry, LatLngBox, Partition, PartitionError,
};
use crate::{CellId, LatLng};

use super::table::{BadRow, BadRowReason, LATITUDE, LONGITUDE, Row, Table, TableError};

const LOCATION_LATITUDE: &[&str] = &["latitude_mean", "mean_lat", "latitude", "lat"];
const LOCATION_LONGITUDE: &[&str] = &[
    "longitude_mean",
    "mean_lon",
    "mean_lng",
    "longitude",
    "lng",
    "lon",
];
const TOKEN: &[&str] = &["token", "hex_id", "cell", "cell_id", "s2_token", "s2token"];
const CLASS: &[&str] = &["class", "class_label", "cluster_id"];
const COUNT: &[&str] = &["count", "imgs_per_cell", "images", "n"];
const SPREAD: &[&str] = &["spread_km"];
const NAME: &[&str] = &["name", "city", "label"];

impl Partition {
    /// Writes a table with a header, one row a class; a class of several cells has one row a cell.
    ///
    /// Cells: `class,token,latitude,longitude,count,spread_km`; boxes have their four borders
    /// instead of the token, nearest-place ground its anchor; `name` follows where classes have
    /// names. Numbers keep all their digits.
    ///
    /// # Errors
    ///
    /// [`TableError`] if writing fails, or the ground is polygons or has a limit of distance, which
    /// fit into no table: write GeoJSON.
    pub fn write_csv(&self, to: impl Write) -> Result<(), TableError> {
        let mut writer = csv::Writer::from_writer(to);
        let ground: &[&str] = match self.geometry() {
            Geometry::Cells(_) => &["token"],
            Geometry::Boxes(_) => &["min_lat", "min_lng", "max_lat", "max_lng"],
            Geometry::Nearest(anchors) if anchors.max_km().is_none() => {
                &["anchor_lat", "anchor_lng"]
            }
            Geometry::Nearest(_) => {
                return Err(TableError::Ground {
                    ground: "a limit of distance",
                });
            }
            Geometry::Regions(_) => return Err(TableError::Ground { ground: "polygons" }),
        };
        let mut header = vec!["class"];
        header.extend(ground);
        header.extend(["latitude", "longitude", "count", "spread_km"]);
        if self.names().is_some() {
            header.push("name");
        }
        writer.write_record(&header)?;
        let mut row = |class: usize, ground: Vec<String>| -> Result<(), TableError> {
            let location = self.location(class).unwrap_or_default();
            let mut fields = vec![class.to_string()];
            fields.extend(ground);
            fields.extend([
                location.lat().to_string(),
                location.lng().to_string(),
                self.count(class).unwrap_or_default().to_string(),
                self.spread_km(class).unwrap_or_default().to_string(),
            ]);
            fields.extend(self.name(class).map(str::to_owned));
            Ok(writer.write_record(&fields)?)
        };
        match self.geometry() {
            Geometry::Cells(cells) => {
                for (cell, class) in cells.iter() {
                    row(class, vec![cell.token()])?;
                }
            }
            Geometry::Boxes(boxes) => {
                for (class, b) in boxes.boxes().iter().enumerate() {
                    let borders = [b.min_lat, b.min_lng, b.max_lat, b.max_lng];
                    row(class, borders.map(|x| x.to_string()).to_vec())?;
                }
            }
            Geometry::Nearest(anchors) => {
                for (class, p) in anchors.places().iter().enumerate() {
                    row(class, vec![p.lat().to_string(), p.lng().to_string()])?;
                }
            }
            Geometry::Regions(_) => {}
        }
        writer.flush()?;
        Ok(())
    }

    /// Reads a partition from a table, and the rows that were left out.
    ///
    /// What [`write_csv`](Self::write_csv) writes, and the files of others: S2 cells by `token` or
    /// `hex_id` with `latitude_mean`, `longitude_mean`, `imgs_per_cell`; boxes by `min_lat`,
    /// `min_lon`, `max_lat`, `max_lon` with `mean_lat`, `mean_lon`; named places by `name`,
    /// `latitude`, `longitude`. Without a `class` column classes are numbered by row; the numbers of
    /// one are kept in order without gaps.
    ///
    /// # Errors
    ///
    /// [`TableError`] if the file cannot be read, its columns fit none of these, no row can be read,
    /// or cells or boxes overlap.
    pub fn read_csv(source: impl Read) -> Result<(Self, Vec<BadRow>), TableError> {
        let mut table = Table::new(source)?;
        let columns = Columns::find(&table)?;
        let (mut rows, mut bad) = (Vec::new(), Vec::new());
        let (mut row, mut total) = (Row::default(), 0_usize);
        while table.next(&mut row)? {
            match columns.read(&row, total as u64) {
                Ok(entry) => rows.push((row.line, entry)),
                Err(reason) => bad.push(BadRow {
                    line: row.line,
                    reason,
                }),
            }
            total += 1;
        }
        let rows = without_repeats(rows, &mut bad);
        if rows.is_empty() {
            return Err(TableError::NoRows {
                rows: total,
                first: bad.into_iter().next(),
            });
        }
        bad.sort_by_key(|row| row.line);
        Ok((assemble(rows)?, bad))
    }
}

/// Where each field is.
struct Columns {
    ground: GroundColumns,
    class: Option<usize>,
    location: Option<(usize, usize)>,
    count: Option<usize>,
    spread: Option<usize>,
    name: Option<usize>,
}

enum GroundColumns {
    Token(usize),
    Box([usize; 4]),
    Anchor(usize, usize),
}

/// One row that could be read.
struct Entry {
    ground: Ground,
    class: u64,
    location: Option<LatLng>,
    count: u64,
    spread_km: f64,
    name: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Ground {
    Cell(CellId),
    Box(LatLngBox),
    Anchor(LatLng),
}

impl Columns {
    fn find<R: Read>(table: &Table<R>) -> Result<Self, TableError> {
        let pair = |a: &[&str], b: &[&str]| Some((table.find(a)?, table.find(b)?));
        let borders = || {
            Some([
                table.find(&["min_lat"])?,
                table.find(&["min_lng", "min_lon"])?,
                table.find(&["max_lat"])?,
                table.find(&["max_lng", "max_lon"])?,
            ])
        };
        let name = table.find(NAME);
        let ground = if let Some(token) = table.find(TOKEN) {
            GroundColumns::Token(token)
        } else if let Some(borders) = borders() {
            GroundColumns::Box(borders)
        } else if let Some((lat, lng)) = pair(&["anchor_lat"], &["anchor_lng"]) {
            GroundColumns::Anchor(lat, lng)
        } else {
            // Named places: the place itself is the anchor.
            table.require("token of a cell, borders of a box, or name and place", NAME)?;
            GroundColumns::Anchor(
                table.require("latitude", LATITUDE)?,
                table.require("longitude", LONGITUDE)?,
            )
        };
        Ok(Self {
            ground,
            class: table.find(CLASS),
            location: pair(LOCATION_LATITUDE, LOCATION_LONGITUDE),
            count: table.find(COUNT),
            spread: table.find(SPREAD),
            name,
        })
    }

    fn read(&self, row: &Row, number: u64) -> Result<Entry, BadRowReason> {
        let ground = match self.ground {
            GroundColumns::Token(at) => Ground::Cell(CellId::from_token(&row.text(at, "token")?)?),
            GroundColumns::Box([south, west, north, east]) => {
                let b = LatLngBox {
                    min_lat: row.number(south, "southern border")?,
                    min_lng: row.number(west, "western border")?,
                    max_lat: row.number(north, "northern border")?,
                    max_lng: row.number(east, "eastern border")?,
                };
                if !b.is_valid() {
                    return Err(BadRowReason::Box);
                }
                Ground::Box(b)
            }
            GroundColumns::Anchor(lat, lng) => Ground::Anchor(row.place(lat, lng)?),
        };
        let spread_km = match self.spread {
            Some(at) => row.number(at, "spread")?,
            None => 0.0,
        };
        if !(spread_km.is_finite() && spread_km >= 0.0) {
            return Err(BadRowReason::Number {
                column: "spread",
                text: spread_km.to_string(),
            });
        }
        Ok(Entry {
            ground,
            class: self
                .class
                .map_or(Ok(number), |at| row.parsed(at, "class"))?,
            location: self
                .location
                .map(|(lat, lng)| row.place(lat, lng))
                .transpose()?,
            count: self.count.map_or(Ok(0), |at| row.parsed(at, "count"))?,
            spread_km,
            name: self
                .name
                .map(|at| row.text(at, "name"))
                .transpose()?
                .map(std::borrow::Cow::into_owned),
        })
    }
}

/// Drops rows that repeat the cell, box or name of an earlier row.
fn without_repeats(rows: Vec<(u64, Entry)>, bad: &mut Vec<BadRow>) -> Vec<Entry> {
    let mut cells: HashMap<CellId, u64> = HashMap::new();
    let mut classes: HashMap<u64, u64> = HashMap::new();
    let mut kept = Vec::with_capacity(rows.len());
    for (line, entry) in rows {
        // Only S2 cells can share a class.
        let earlier = match entry.ground {
            Ground::Cell(cell) => cells.insert(cell, line),
            Ground::Box(_) | Ground::Anchor(_) => classes.insert(entry.class, line),
        };
        match earlier {
            None => kept.push(entry),
            Some(earlier) => bad.push(BadRow {
                line,
                reason: BadRowReason::Repeated { line: earlier },
            }),
        }
    }
    kept
}

fn assemble(entries: Vec<Entry>) -> Result<Partition, TableError> {
    let numbers: BTreeSet<u64> = entries.iter().map(|e| e.class).collect();
    let index: BTreeMap<u64, u32> = numbers.into_iter().zip(0..).collect();
    let named = entries.iter().any(|e| e.name.is_some());
    let mut classes: Vec<Option<(Class, String)>> = vec![None; index.len()];
    let (mut cells, mut boxes, mut anchors) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let class = index.get(&entry.class).copied().unwrap_or_default();
        let middle = match entry.ground {
            Ground::Cell(cell) => {
                cells.push((cell, class));
                cell.center()
            }
            Ground::Box(b) => {
                boxes.push((class, b));
                b.center()
            }
            Ground::Anchor(p) => {
                anchors.push((class, p));
                p
            }
        };
        if let Some(slot @ None) = classes.get_mut(class as usize) {
            let value = Class {
                location: entry.location.unwrap_or(middle),
                spread_km: entry.spread_km,
                count: entry.count,
            };
            *slot = Some((value, entry.name.unwrap_or_default()));
        }
    }
    let (classes, names): (Vec<Class>, Vec<String>) = classes.into_iter().flatten().unzip();
    let geometry = if !cells.is_empty() {
        Geometry::Cells(CellIndex::new(cells, classes.len())?)
    } else if !boxes.is_empty() {
        boxes.sort_by_key(|(class, _)| *class);
        Geometry::Boxes(BoxIndex::new(boxes.into_iter().map(|(_, b)| b).collect())?)
    } else {
        anchors.sort_by_key(|(class, _)| *class);
        Geometry::Nearest(Anchors::new(
            anchors.into_iter().map(|(_, p)| p).collect(),
            None,
        ))
    };
    let partition: Result<Partition, PartitionError> =
        Partition::from_parts(&classes, named.then_some(names), geometry);
    Ok(partition?)
}
