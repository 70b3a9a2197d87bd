//! Tables as people have them: what cannot be read for certain is an error or a bad row.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_push_string,
    clippy::float_cmp,
    reason = "a test may stop"
)]

use std::fmt::Write;

use geoloc_geo_cells::{
    BadRowReason, EncodingError, LatLng, LatLngError, MAX_ROW_BYTES, Partition, PlacesOptions,
    PlacesTable, TableError, read_places,
};

fn places(text: impl AsRef<[u8]>) -> Result<PlacesTable, TableError> {
    read_places(text.as_ref(), &PlacesOptions::default())
}

/// A header and 40 rows of `name,latitude,longitude,title`; `change` changes one of them.
fn forty(header: &str, change: impl Fn(usize, String) -> String) -> String {
    let mut text = format!("{header}\n");
    for k in 0..40 {
        let lat = 48.8566 + 0.01 * k as f64;
        let row = format!("p{k},{lat:.4},{:.4},title {k}", lat - 46.0);
        writeln!(text, "{}", change(k, row)).unwrap();
    }
    text
}

#[test]
fn a_quote_that_never_ends_is_an_error_with_its_line() {
    let swallowed = |changed: &dyn Fn(usize, String) -> String| match places(forty(
        "id,lat,lon,title",
        changed,
    )) {
        Err(TableError::OpenQuote { line }) => line,
        other => panic!("{other:?}"),
    };
    let open = |row: String| row.replace("title", "\"Cafe");
    let close = |row: String| row + "\"";
    assert_eq!(swallowed(&|k, row| if k == 3 { open(row) } else { row }), 5);
    // Two of them: the second one would close the first.
    let two = |k, row| if k == 3 || k == 20 { open(row) } else { row };
    assert_eq!(swallowed(&two), 5);
    let closed = |k, row| match k {
        3 => open(row),
        20 => close(row),
        _ => row,
    };
    assert_eq!(swallowed(&closed), 5);
    let text = forty(
        "id,lat,lon,title",
        |k, row| if k == 3 { open(row) } else { row },
    );
    let shown = places(text).unwrap_err().to_string();
    assert!(
        shown.contains("line 5") && shown.contains("quote"),
        "{shown}"
    );
}

#[test]
fn every_reader_of_tables_finds_open_quotes() {
    let text =
        "class,token,latitude,longitude,name\n0,47e4,48.5,2.1,\"Paris\n1,89c25,40.7,-74,NY\n";
    let error = Partition::read_csv(text.as_bytes()).unwrap_err();
    assert!(
        matches!(error, TableError::OpenQuote { line: 2 }),
        "{error}"
    );
    let text = "name,lat,lng\n\"Suva,-18.1,178.4\nZurich,47.37,8.54\nBern\",46.9,7.4\n";
    let error = Partition::read_csv(text.as_bytes()).unwrap_err();
    assert!(
        matches!(error, TableError::OpenQuote { line: 2 }),
        "{error}"
    );
}

#[test]
fn rows_have_as_many_fields_as_the_header() {
    let text = forty("id,lat,lon,title", |k, row| match k {
        0 => format!("{row}, and more"),
        1 => "p1,48.9".into(),
        2 => format!("{row},"),
        3 => row.replace("title", "\"title\" and"),
        _ => row,
    });
    let table = places(text).unwrap();
    let reasons: Vec<&BadRowReason> = table.bad_rows.iter().map(|row| &row.reason).collect();
    let fields = |found| BadRowReason::Fields { found, expected: 4 };
    assert_eq!(
        reasons,
        [
            &fields(5),
            &fields(2),
            &fields(5),
            &BadRowReason::StrayQuote
        ]
    );
    assert_eq!((table.places.len(), table.bad_rows.rows_read()), (36, 40));
}

#[test]
fn decimal_commas_are_named() {
    let table = places("id,lat,lon\na,48,8566,2,3522\nb,1.5,2.5\nc,48,1,2\n").unwrap();
    assert_eq!(table.places.len(), 1);
    let shown = table.bad_rows[0].to_string();
    assert!(
        shown.contains("5 fields instead of 3") && shown.contains("decimal commas"),
        "{shown}"
    );
    for row in ["\"48,8566\",\"2,3522\"\n", "-48,8566;2,3522\n"] {
        let separator = if row.contains(';') { ";" } else { "," };
        let text = format!("lat{separator}lon\n{row}1.5{separator}2.5\n");
        let shown = places(text).unwrap().bad_rows[0].to_string();
        assert!(shown.contains("decimal comma"), "{shown}");
    }
    // Nothing is read of a table of them.
    let all = "lat,lon\n48,8566,2,3522\n48,8666,2,3622\n";
    assert!(matches!(
        places(all),
        Err(TableError::NoRows { rows: 2, .. })
    ));
}

#[test]
fn longitudes_beyond_a_turn_are_no_places() {
    for lng in ["23522", "2352200", "360.5", "-361", "1e300", "inf"] {
        let table = places(format!("lat,lon\n1,2\n48,{lng}\n")).unwrap();
        assert_eq!(table.places.len(), 1, "{lng}");
        let reason = &table.bad_rows[0].reason;
        let longitude = matches!(reason, BadRowReason::Place(LatLngError::Longitude { .. }));
        assert!(longitude, "{reason}");
    }
    assert!(LatLng::new(0.0, 1e300).is_err() && LatLng::new(0.0, 540.5).is_err());
    assert_eq!(LatLng::new(0.0, 360.0).unwrap().lng(), 0.0);
    assert_eq!(LatLng::new(0.0, -360.0).unwrap().lng(), 0.0);
    let cells = "token,latitude,longitude\n47e4,48.5,2.1\n89c25,40.7,2352200\n";
    let (partition, bad) = Partition::read_csv(cells.as_bytes()).unwrap();
    assert_eq!((partition.len(), bad.len()), (1, 1));
}

#[test]
fn columns_are_found_by_the_names_of_the_field() {
    for header in [
        "LAT,LON",
        "Lat,Long",
        "decimalLatitude,decimalLongitude",
        "Decimal Latitude,DECIMAL_LONGITUDE",
        "GPSLatitude,GPSLongitude",
        "photo_location_latitude,photo_location_longitude",
        "gt-lat,gt-lng",
    ] {
        let table = places(format!("{header}\n1.5,2.5\n")).unwrap();
        assert_eq!(table.places, [LatLng::new(1.5, 2.5).unwrap()], "{header}");
    }
    let given = PlacesOptions {
        latitude: Some("Phi".into()),
        longitude: Some("lambda".into()),
        label: None,
    };
    let text = "phi,lambda,lat,lon\n1.5,2.5,7,8\n";
    let table = read_places(text.as_bytes(), &given).unwrap();
    assert_eq!(table.places, [LatLng::new(1.5, 2.5).unwrap()]);
    let shown = read_places("x,lambda\n1,2\n".as_bytes(), &given)
        .unwrap_err()
        .to_string();
    assert!(
        shown.contains("\"Phi\"") && shown.contains("lambda"),
        "{shown}"
    );
    let shown = places("x,y\n1,2\n").unwrap_err().to_string();
    assert!(shown.contains("decimal_latitude"), "{shown}");
    assert!(matches!(
        places("lat,LAT,lon\n1,2,3\n"),
        Err(TableError::RepeatedColumn { .. })
    ));
}

#[test]
fn lines_before_the_header_are_skipped_and_counted() {
    let text = "num_images: 200\nmin_concept_probability: ---\n\n\
        class_label,hex_id,imgs_per_cell,latitude_mean,longitude_mean\n\
        0,8747c,100,38.6,-109.5\n1,365,100,36.1,103.0\n2,365x,1,1,1\n";
    let (partition, bad) = Partition::read_csv(text.as_bytes()).unwrap();
    assert_eq!(partition.counts(), [100, 100]);
    assert_eq!((bad.len(), bad[0].line), (1, 7));
    let table = places("sep=;\n# places, of the \"field\nLAT;LON\n1;2\nx;2\n").unwrap();
    assert_eq!((table.places.len(), table.bad_rows[0].line), (1, 5));
    // A header far down is none.
    let far = "x\n".repeat(30) + "lat,lon\n1,2\n";
    assert!(matches!(places(far), Err(TableError::Column { .. })));
}

#[test]
fn tokens_that_a_spreadsheet_changed_are_bad_rows() {
    let text = "class,token,latitude,longitude,count,spread_km\n\
        8,74,-16.63569389,-41.153004,169,189.98\n\
        9,074,-16.63569389,-41.153004,169,189.98\n\
        10,47e4,48.5,2.1,1,1\n\
        11,47e3,48.5,2.1,1,1\n";
    let (partition, bad) = Partition::read_csv(text.as_bytes()).unwrap();
    assert_eq!(partition.len(), 2);
    let lines: Vec<u64> = bad.iter().map(|row| row.line).collect();
    assert_eq!(lines, [2, 5]);
    for row in bad.iter() {
        assert!(
            matches!(row.reason, BadRowReason::OutsideCell { .. }),
            "{row}"
        );
    }
    let boxes = "cluster_id,min_lat,min_lon,max_lat,max_lon,mean_lat,mean_lon\n\
        0,0,0,10,10,5,5\n1,0,10,10,20,5,-15\n";
    let (partition, bad) = Partition::read_csv(boxes.as_bytes()).unwrap();
    assert_eq!((partition.len(), bad.len()), (1, 1));
    assert!(matches!(bad[0].reason, BadRowReason::OutsideBox { .. }));
}

#[test]
fn totals_and_first_reasons_are_told() {
    let mut text = forty("id,lat,lon,title", |_, row| row);
    for k in 0..300 {
        text.push_str(&format!("x{k},unknown,unknown,x\n"));
    }
    let table = places(&text).unwrap();
    assert_eq!(
        (table.bad_rows.len(), table.bad_rows.rows_read()),
        (300, 340)
    );
    let shown = table.bad_rows.to_string();
    assert!(
        shown.starts_with("300 of 340 rows were left out: line 42: latitude"),
        "{shown}"
    );
    let none = places("lat,lon\nx,1\n").unwrap_err().to_string();
    assert_eq!(
        none,
        "none of 1 rows can be read; first: line 2: latitude is \"x\", not a number"
    );
}

#[test]
fn other_encodings_are_named() {
    let text = "\u{feff}id,lat,lon\np0,48.8,2.3\n";
    assert_eq!(places(text).unwrap().places.len(), 1);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [&utf16[..], &utf16[2..]] {
        let error = places(bytes).unwrap_err();
        assert!(
            matches!(error, TableError::Encoding(EncodingError::Utf16)),
            "{error}"
        );
    }
    let error = places([0; 5000]).unwrap_err();
    assert!(
        matches!(error, TableError::Encoding(EncodingError::Binary { at: 0 })),
        "{error}"
    );
    // Another encoding in a column that nobody asked for does no harm.
    let table = places(b"id,lat,lon\ncaf\xe9,48.8,2.3\nb,4\xb0,2\n").unwrap();
    assert_eq!((table.places.len(), table.bad_rows.len()), (1, 1));
}

#[test]
fn a_file_without_lines_takes_no_memory() {
    let endless = std::io::repeat(b'7');
    let error = read_places(endless, &PlacesOptions::default()).unwrap_err();
    assert!(
        matches!(
            error,
            TableError::Column { .. } | TableError::LongRow { .. }
        ),
        "{error}"
    );
    let long = format!("lat,lon\n1,2\n1,{}\n", "2".repeat(MAX_ROW_BYTES));
    assert!(matches!(
        places(long),
        Err(TableError::LongRow { line: 3, .. })
    ));
}
