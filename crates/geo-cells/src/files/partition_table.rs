//! Partitions as tables.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};

use crate::partition::{
    Anchors, BoxIndex, CellIndex, Class, Geometry, LatLngBox, Partition, PartitionError,
};
use crate::{CellId, LatLng, haversine_km};

use super::bad_rows::{BadRow, BadRowReason, BadRows};
use super::table::{Header, LATITUDE, LONGITUDE, Row, Table};
use super::table_error::TableError;

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
            let known = self.class(class).ok_or(PartitionError::Class {
                class,
                classes: self.len(),
            })?;
            let mut fields = vec![class.to_string()];
            fields.extend(ground);
            fields.extend([
                known.location.lat().to_string(),
                known.location.lng().to_string(),
                known.count.to_string(),
                known.spread_km.to_string(),
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
    /// What [`write_csv`](Self::write_csv) writes, and the published files: S2 cells by `token` or
    /// `hex_id` with `latitude_mean`, `longitude_mean`, `imgs_per_cell`; boxes by `min_lat`,
    /// `min_lon`, `max_lat`, `max_lon` with `mean_lat`, `mean_lon`; named places by `name`,
    /// `latitude`, `longitude`. Without a `class` column classes are numbered by row; the numbers of
    /// one are kept in order without gaps.
    ///
    /// A row whose location lies outside its cell or box is a bad row: spreadsheets turn the token `074`
    /// into `74`, another cell. What tables may look like, and lines before the header, as
    /// [`read_place_rows`](crate::read_place_rows).
    ///
    /// # Errors
    ///
    /// [`TableError`] if the file cannot be read, its columns fit none of these, no row can be read,
    /// or cells or boxes overlap.
    pub fn read_csv(source: impl Read) -> Result<(Self, BadRows), TableError> {
        let (mut table, _, columns) = Table::new(source, Columns::find, Columns::numbers)?;
        let (mut rows, mut bad) = (Vec::new(), Vec::new());
        let mut total = 0_u64;
        while let Some((line, row)) = table.next()? {
            match row.and_then(|row| columns.read(row, total)) {
                Ok(entry) => rows.push((line, entry)),
                Err(reason) => bad.push(BadRow { line, reason }),
            }
            total += 1;
        }
        let rows = without_repeats(rows, &mut bad);
        let rows = where_they_should_be(rows, &mut bad);
        if rows.is_empty() {
            bad.sort_by_key(|row| row.line);
            return Err(TableError::NoRows {
                rows: total,
                first: bad.into_iter().next(),
            });
        }
        Ok((assemble(rows)?, BadRows::new(bad, total)))
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
    fn find(header: &Header) -> Result<Self, TableError> {
        let pair =
            |a: &[&str], b: &[&str]| Ok::<_, TableError>(header.find(a)?.zip(header.find(b)?));
        let borders = || {
            let sides = [
                header.find(&["min_lat"])?,
                header.find(&["min_lng", "min_lon"])?,
                header.find(&["max_lat"])?,
                header.find(&["max_lng", "max_lon"])?,
            ];
            let [Some(south), Some(west), Some(north), Some(east)] = sides else {
                return Ok::<_, TableError>(None);
            };
            Ok(Some([south, west, north, east]))
        };
        let ground = if let Some(token) = header.find(TOKEN)? {
            GroundColumns::Token(token)
        } else if let Some(borders) = borders()? {
            GroundColumns::Box(borders)
        } else if let Some((lat, lng)) = pair(&["anchor_lat"], &["anchor_lng"])? {
            GroundColumns::Anchor(lat, lng)
        } else {
            // Named places: the place itself is the anchor.
            let wanted = "token of a cell, borders of a box, or name and place";
            let known = [TOKEN, NAME].concat();
            header.require(wanted, None, &known)?;
            GroundColumns::Anchor(
                header.require("latitude", None, LATITUDE)?,
                header.require("longitude", None, LONGITUDE)?,
            )
        };
        Ok(Self {
            ground,
            class: header.find(CLASS)?,
            location: pair(LOCATION_LATITUDE, LOCATION_LONGITUDE)?,
            count: header.find(COUNT)?,
            spread: header.find(SPREAD)?,
            name: header.find(NAME)?,
        })
    }

    /// Columns that hold numbers.
    fn numbers(&self) -> Vec<usize> {
        let mut numbers = match self.ground {
            GroundColumns::Token(_) => Vec::new(),
            GroundColumns::Box(borders) => borders.to_vec(),
            GroundColumns::Anchor(lat, lng) => vec![lat, lng],
        };
        numbers.extend(self.location.iter().flat_map(|&(lat, lng)| [lat, lng]));
        numbers.extend(self.class.iter().chain(&self.count).chain(&self.spread));
        numbers
    }

    fn read(&self, row: Row<'_>, number: u64) -> Result<Entry, BadRowReason> {
        let ground = match self.ground {
            GroundColumns::Token(at) => Ground::Cell(CellId::from_token(row.text(at, "token")?)?),
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
                .map(str::to_owned),
        })
    }
}

/// Drops rows that repeat the cell, box or name of an earlier row.
fn without_repeats(rows: Vec<(u64, Entry)>, bad: &mut Vec<BadRow>) -> Vec<(u64, Entry)> {
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
            None => kept.push((line, entry)),
            Some(earlier) => bad.push(BadRow {
                line,
                reason: BadRowReason::Repeated { line: earlier },
            }),
        }
    }
    kept
}

/// How far the location of a class may lie outside its cell: numbers are rounded, and some tables have
/// means of latitudes and longitudes, which leave the great circles of an edge. As a share of the
/// width of the cell, and in km.
const OUTSIDE_SHARE: f64 = 0.01;
const OUTSIDE_KM: f64 = 0.1;

/// Drops rows whose location lies outside their ground. A class of several cells may lie between them,
/// so only those of one cell are looked at.
fn where_they_should_be(rows: Vec<(u64, Entry)>, bad: &mut Vec<BadRow>) -> Vec<Entry> {
    let mut cells_of: HashMap<u64, usize> = HashMap::new();
    for (_, entry) in &rows {
        *cells_of.entry(entry.class).or_default() += 1;
    }
    let mut kept = Vec::with_capacity(rows.len());
    for (line, entry) in rows {
        let alone = cells_of.get(&entry.class) == Some(&1);
        let outside = match (entry.ground, entry.location) {
            (Ground::Cell(cell), Some(place)) if alone => outside_cell(cell, place),
            (Ground::Box(b), Some(place)) => outside_box(b, place),
            _ => None,
        };
        match outside {
            None => kept.push(entry),
            Some(reason) => bad.push(BadRow { line, reason }),
        }
    }
    kept
}

fn outside_cell(cell: CellId, place: LatLng) -> Option<BadRowReason> {
    let km = cell.distance_km(place);
    let width_km = 2.0 * cell.max_distance_km(cell.center());
    (km > OUTSIDE_KM + OUTSIDE_SHARE * width_km).then(|| BadRowReason::OutsideCell {
        token: cell.token(),
        lat: place.lat(),
        lng: place.lng(),
        km,
    })
}

/// The mean of places in a wide box can lie nearer to the pole than the box, but not farther from its
/// middle than its corners, unless it is half the world.
fn outside_box(b: LatLngBox, place: LatLng) -> Option<BadRowReason> {
    if b.contains(place) || b.max_lng - b.min_lng > 180.0 {
        return None;
    }
    let middle = b.center()?;
    let corners = [b.min_lat, b.max_lat].map(|lat| LatLng::new(lat, b.min_lng).ok());
    let to_corners = corners.into_iter().flatten();
    let reach = to_corners.map(|corner| haversine_km(middle, corner));
    let reach = reach.fold(0.0, f64::max);
    (haversine_km(middle, place) > OUTSIDE_KM + (1.0 + OUTSIDE_SHARE) * reach).then(|| {
        BadRowReason::OutsideBox {
            lat: place.lat(),
            lng: place.lng(),
        }
    })
}

fn assemble(entries: Vec<Entry>) -> Result<Partition, TableError> {
    let named = entries.iter().any(|e| e.name.is_some());
    let mut by_class: BTreeMap<u64, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        by_class.entry(entry.class).or_default().push(entry);
    }
    let (mut classes, mut names) = (Vec::new(), Vec::new());
    let (mut cells, mut boxes, mut anchors) = (Vec::new(), Vec::new(), Vec::new());
    for (class, entries) in (0_u32..).zip(by_class.into_values()) {
        let mut known = None;
        for entry in entries {
            let middle = match entry.ground {
                Ground::Cell(cell) => {
                    cells.push((cell, class));
                    Some(cell.center())
                }
                Ground::Box(b) => {
                    boxes.push(b);
                    b.center()
                }
                Ground::Anchor(p) => {
                    anchors.push(p);
                    Some(p)
                }
            };
            // The first row of a class describes it.
            if let (None, Some(location)) = (&known, entry.location.or(middle)) {
                known = Some(Class {
                    location,
                    spread_km: entry.spread_km,
                    count: entry.count,
                });
            }
            if names.len() == class as usize {
                names.extend(entry.name);
            }
        }
        classes.extend(known);
    }
    let geometry = if !cells.is_empty() {
        Geometry::Cells(CellIndex::new(cells, classes.len())?)
    } else if !boxes.is_empty() {
        Geometry::Boxes(BoxIndex::new(boxes)?)
    } else {
        Geometry::Nearest(Anchors::new(anchors, None))
    };
    let partition: Result<Partition, PartitionError> =
        Partition::from_parts(&classes, named.then_some(names), geometry);
    Ok(partition?)
}
