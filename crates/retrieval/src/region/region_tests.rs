use super::*;

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

#[test]
fn polygons_hold_what_is_inside() {
    let square = Polygon::new(&[
        at(0.0, 170.0),
        at(10.0, 170.0),
        at(10.0, -170.0),
        at(0.0, -170.0),
    ]);
    let square = square.unwrap();
    for (lat, lng, inside) in [
        (5.0, 180.0, true),
        (5.0, 171.0, true),
        (5.0, 169.0, false),
        (-1.0, 180.0, false),
        (-5.0, 0.0, false),
    ] {
        assert_eq!(square.contains(at(lat, lng)), inside, "{lat} {lng}");
    }
    let pole = Polygon::new(&[
        at(70.0, 0.0),
        at(70.0, 120.0),
        at(70.0, -120.0),
        at(70.0, 0.0),
    ])
    .unwrap();
    assert!(pole.contains(at(90.0, 0.0)) && pole.contains(at(80.0, 45.0)));
    assert!(!pole.contains(at(71.0, 60.0)) && !pole.contains(at(-80.0, 0.0)));
    assert_eq!(
        Polygon::new(&[at(0.0, 0.0), at(1.0, 1.0)]),
        Err(PolygonError::Vertices { given: 2 })
    );
    let whole = Polygon::new(&[at(0.0, 0.0), at(0.0, 120.0), at(0.0, -120.0)]);
    assert!(matches!(whole, Err(PolygonError::TooLarge { .. })));
}

#[test]
fn shapes_hold_rows_of_any_cell_level() {
    let region = Region::cap(&Cap::new(at(48.0, 2.0), 0.5)).unwrap();
    let location = at(48.001, 2.001);
    let leaf = CellId::from_lat_lng(location);
    for level in geoloc_geo_cells::Level::all() {
        let cell = leaf.parent(level);
        assert!(region.contains(&Place { location, cell }), "{level:?}");
    }
    assert!(!region.contains(&Place::from(at(48.01, 2.0))));
}

#[test]
fn a_rectangle_may_cross_the_antimeridian() {
    let rect = LatLngRect::new(-21.0, 170.0, -12.0, -170.0).unwrap();
    let region = Region::rect(&rect).unwrap();
    assert!(region.contains(&Place::from(at(-17.0, 180.0))));
    assert!(!region.contains(&Place::from(at(-17.0, 0.0))));
}

#[test]
fn cells_hold_what_lies_in_them() {
    let face = CellId::from_face(1).unwrap();
    let children = face.children().unwrap();
    let region = Region::cells(&children);
    let place = |cell| Place {
        location: face.center(),
        cell: Some(cell),
    };
    assert!(children.iter().all(|&cell| region.contains(&place(cell))));
    assert!(region.contains(&Place::from(face.center())));
    // The face is in none of its children.
    assert!(!region.contains(&place(face)));
    assert!(Region::cells(&[face, children[1]]).contains(&place(face)));
    assert!(Region::cells(&[]).ranges.is_empty());
}
