use super::*;

const GOLDEN: &str = include_str!("../../../tests/golden/optics.tsv");

#[test]
fn clusters_equal_those_of_scikit_learn() {
    let rows: Vec<Vec<&str>> = GOLDEN
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let mut sets = 0;
    for set in rows.iter().filter(|row| row[0] == "set") {
        let mine: Vec<&Vec<&str>> = rows
            .iter()
            .filter(|row| row[0] == "point" && row[1] == set[1])
            .collect();
        let points: Vec<LatLng> = mine
            .iter()
            .map(|row| LatLng::new(row[2].parse().unwrap(), row[3].parse().unwrap()).unwrap())
            .collect();
        let expected: Vec<i32> = mine.iter().map(|row| row[4].parse().unwrap()).collect();
        let mut labels = vec![-1; points.len()];
        let found = clusters(&points, set[2].parse().unwrap(), set[3].parse().unwrap());
        for (label, members) in (0..).zip(&found) {
            for &i in members {
                labels[i] = label;
            }
        }
        assert_eq!(labels, expected, "{set:?}");
        sets += 1;
    }
    assert_eq!(sets, 6);
}

#[test]
fn degenerate_points_end() {
    let p = LatLng::new(1.0, 2.0).unwrap();
    assert!(clusters(&[], 2, 0.1).is_empty());
    assert!(clusters(&[p], 2, 0.1).is_empty());
    // Points at one place: reachabilities of zero, nothing is steep but the end.
    let found = clusters(&[p; 50], 5, 0.05);
    assert!(found.len() <= 1);
}
