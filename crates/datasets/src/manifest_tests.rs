use super::*;

fn parse(text: &str) -> Manifest {
    parse_manifest(
        text.as_bytes(),
        Path::new("root"),
        &ManifestColumns::default(),
    )
    .unwrap()
}

fn error(text: &[u8]) -> String {
    let columns = ManifestColumns::default();
    parse_manifest(text, Path::new(""), &columns)
        .unwrap_err()
        .to_string()
}

#[test]
fn columns_are_found_by_name_and_the_rest_are_tags_as_text() {
    for header in [
        "image,latitude,longitude,country,zip",
        "Filename,LAT,Lng,country,zip",
        "\u{feff}image path,Latitude,lon,country,zip",
        "IMG_ID,LAT,LON,country,zip",
        "img-id,decimalLatitude,decimalLongitude,country,zip",
    ] {
        let manifest = parse(&format!("{header}\na/b.jpg,-22.5,17.1,NA,00123\n"));
        let sample = &manifest.samples[0];
        assert_eq!(
            (sample.location.lat(), sample.location.lng()),
            (-22.5, 17.1),
            "{header}"
        );
        assert_eq!(sample.path, Path::new("root").join("a/b.jpg"));
        assert_eq!(sample.tag("country"), Some("NA"));
        assert_eq!(sample.tag("zip"), Some("00123"));
        assert_eq!(sample.tags.len(), 2, "{header}");
    }
    let semicolons = parse("id;lat;lon;note\n7;1;2;\"a;b, c\"\n");
    assert_eq!(semicolons.samples[0].tag("note"), Some("a;b, c"));
    let tabs = parse("id\tlat\tlon\n7\t1\t2\n");
    assert_eq!(tabs.samples[0].id, "7");
}

#[test]
fn tags_are_found_whatever_their_capitals() {
    let manifest = parse("path,lat,lon,Class,user group,Empty\na.jpg,1,2,FR,u1,\n");
    let sample = &manifest.samples[0];
    assert_eq!(sample.tag("class"), Some("FR"));
    assert_eq!(sample.tag("USER_GROUP"), Some("u1"));
    assert!(sample.has_tag("empty") && sample.tag("empty").is_none());
    assert!(!sample.has_tag("scene"));
    let both = parse("path,lat,lon,Class,class\na.jpg,1,2,FR,US\n");
    assert_eq!(both.samples[0].tag("class"), Some("US"));
    assert_eq!(both.samples[0].tag("Class"), Some("FR"));
}

#[test]
fn columns_can_be_named() {
    let columns = ManifestColumns {
        path: Some("File Name".into()),
        latitude: Some("y".into()),
        longitude: Some("x".into()),
    };
    let text = "id,x,y,file_name\n7,2,1,a.jpg\n";
    let manifest = parse_manifest(text.as_bytes(), Path::new(""), &columns).unwrap();
    let sample = &manifest.samples[0];
    assert_eq!((sample.id.as_str(), sample.location.lat()), ("a.jpg", 1.0));
    assert_eq!(sample.tag("id"), Some("7"));
    let columns = ManifestColumns {
        path: Some("photo".into()),
        ..columns
    };
    let error = parse_manifest(text.as_bytes(), Path::new(""), &columns).unwrap_err();
    assert!(error.to_string().contains("\"photo\""), "{error}");
}

#[test]
fn bad_rows_are_reported_by_line_and_the_good_ones_kept() {
    let manifest = parse(
        "path,lat,lon\n\
         a.jpg,10,20\n\
         b.jpg,north,20\n\
         c.jpg,10\n\
         ,10,20\n\
         d.jpg,95,200\n\
         e.jpg,NaN,20\n\
         f.jpg,139.7,35.7\n\
         a.jpg,10,20\n\
         g.jpg,10,2000\n\
         h.jpg,10,359\n\
         i.jpg,48,8566,2,3522\n\
         j.jpg,10,20,more\n",
    );
    let ids: Vec<&str> = manifest.samples.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["a.jpg", "h.jpg"]);
    let lines: Vec<u64> = manifest.problems.iter().map(|p| p.line).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8, 9, 10, 12, 13]);
    assert_eq!(manifest.problems.rows_read(), 12);
    let shown: Vec<String> = manifest.problems.iter().map(ToString::to_string).collect();
    for (shown, part) in shown.iter().zip([
        "line 3: latitude is \"north\"",
        "2 fields instead of 3",
        "photo's path is empty",
        "latitude 95",
        "latitude NaN",
        "swapped",
        "repeats line 2",
        "longitude 2000",
        "decimal commas",
        "4 fields instead of 3",
    ]) {
        assert!(shown.contains(part), "{shown} lacks {part}");
    }
}

#[test]
fn one_photo_under_two_spellings_is_one_photo() {
    let manifest = parse(
        "path,lat,lon\np/00.jpg,1,2\n./p/00.jpg,1,2\np//00.jpg,1,2\np/q/../00.jpg,1,2\np/01.jpg,1,2\n",
    );
    assert_eq!(manifest.samples.len(), 2);
    for problem in manifest.problems.iter() {
        assert_eq!(problem.reason, BadRowReason::Repeated { line: 2 });
    }
    assert_eq!(manifest.problems.len(), 3);
}

#[test]
fn quotes_that_never_end_are_errors() {
    let row = |k: usize| {
        let quote = if k == 5 { "\"" } else { "" };
        format!("p/{k:02}.jpg,48.8,2.3,{quote}Room {k}\n")
    };
    let rows: Vec<String> = (0..60).map(row).collect();
    let text = format!("path,lat,lon,title\n{}", rows.concat());
    assert!(
        error(text.as_bytes()).contains("line 7"),
        "{}",
        error(text.as_bytes())
    );
    let closed = text.replace("Room 40", "Room 40\"");
    assert!(error(closed.as_bytes()).contains("line 7"));
    // Line breaks in a title are fine.
    let title = "path,title,lat,lon\na.jpg,\"one, two\nthree, four\",1,2\n";
    assert_eq!(
        parse(title).samples[0].tag("title"),
        Some("one, two\nthree, four")
    );
}

#[test]
fn lists_that_cannot_be_read_are_errors() {
    assert!(error(b"path,lat\na,1\n").contains("longitude"));
    assert!(error(b"").contains("photo's path") || error(b"").contains("latitude"));
    assert!(error(b"\xff\xfei\0d\0").contains("UTF-16"));
    assert!(error(b"path,lat,lon\na,x,1\nb,1,y\n").contains("none of 2 rows"));
    assert!(error(b"path,lat,lon\na,139.7,35.7\nb,139.8,35.8\n").contains("swapped"));
    let columns = ManifestColumns::default();
    let text = &b"path,lat,lon\n\xff\xfe,1,2\nb,1,2\n"[..];
    let manifest = parse_manifest(text, Path::new(""), &columns).unwrap();
    let column = "photo's path";
    assert_eq!(
        manifest.problems[0].reason,
        BadRowReason::Encoding { column }
    );
    assert_eq!(manifest.samples.len(), 1);
    let error = read_manifest("nowhere/list.csv").unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}
