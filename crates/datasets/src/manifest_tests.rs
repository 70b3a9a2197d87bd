use super::*;

fn parse(text: &str) -> Manifest {
    parse_manifest(text.as_bytes(), Path::new("root")).unwrap()
}

#[test]
fn columns_are_found_by_name_and_the_rest_are_tags_as_text() {
    for header in [
        "image,latitude,longitude,country,zip",
        "Filename,LAT,Lng,country,zip",
        "\u{feff}image path,Latitude,lon,country,zip",
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
    }
    let semicolons = parse("id;lat;lon;note\n7;1;2;\"a;b, c\"\n");
    assert_eq!(semicolons.samples[0].tag("note"), Some("a;b, c"));
    let tabs = parse("id\tlat\tlon\n7\t1\t2\n");
    assert_eq!(tabs.samples[0].id, "7");
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
         h.jpg,10,359\n",
    );
    let ids: Vec<&str> = manifest.samples.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["a.jpg", "h.jpg"]);
    let lines: Vec<u64> = manifest.problems.iter().map(|p| p.line).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8, 9, 10]);
    let shown: Vec<String> = manifest.problems.iter().map(ToString::to_string).collect();
    for (shown, part) in shown.iter().zip([
        "line 3: lat is \"north\"",
        "2 fields instead of 3",
        "\"path\" is empty",
        "latitude 95",
        "latitude NaN",
        "swapped",
        "occurs before",
        "longitude 2000",
    ]) {
        assert!(shown.contains(part), "{shown} lacks {part}");
    }
    assert_eq!(manifest.swapped_rows, 1);
}

#[test]
fn missing_columns_and_odd_bytes_are_errors() {
    let error = parse_manifest(b"path,lat\na,1\n", Path::new("")).unwrap_err();
    assert!(error.to_string().contains("longitude"), "{error}");
    assert!(parse_manifest(b"", Path::new("")).is_err());
    let manifest = parse_manifest(b"path,lat,lon\n\xff\xfe,1,2\nb,1,2\n", Path::new("")).unwrap();
    assert_eq!(manifest.problems[0].reason, RowReason::Encoding);
    assert_eq!(manifest.samples.len(), 1);
    let error = read_manifest("nowhere/list.csv").unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}
