//! Splits that keep groups of photos together and classes balanced.

use std::collections::BTreeMap;

use crate::splits::{Part, Shares};
use crate::stable_hash::{mix, stable_hash};

/// Orders of the groups that are tried.
const ORDERS: u64 = 32;

/// Splits so that all items of a group (day, sequence, user) come into one part, and every stratum
/// (class, country) has shares as near to the wanted ones as the groups allow.
///
/// Groups are placed one after the other where they lessen the squared deviation from the shares
/// most, summed over strata and divided by their sizes; of 32 orders drawn by the hash of the groups
/// the best is kept. The answer depends on groups, strata, shares and seed alone, not on the order
/// of the items; but more items may move old ones. With fewer groups than parts, some parts stay
/// empty: those with the smallest shares. Item k of the answer belongs to item k of `items`, a
/// (group, stratum) pair.
#[must_use]
pub fn split_stratified_groups(items: &[(&str, &str)], shares: Shares, seed: u64) -> Vec<Part> {
    let mut strata: BTreeMap<&str, usize> = items.iter().map(|(_, s)| (*s, 0)).collect();
    for (number, slot) in strata.values_mut().enumerate() {
        *slot = number;
    }
    let mut totals = vec![0.0; strata.len()];
    let mut groups: BTreeMap<&str, BTreeMap<usize, f64>> = BTreeMap::new();
    for (group, stratum) in items {
        let Some(&stratum) = strata.get(stratum) else {
            continue;
        };
        if let Some(total) = totals.get_mut(stratum) {
            *total += 1.0;
        }
        let counts = groups.entry(group).or_default();
        *counts.entry(stratum).or_insert(0.0) += 1.0;
    }
    let attempt = |order: u64| {
        let mut shuffled: Vec<(u64, &str)> = groups
            .keys()
            .map(|group| (stable_hash(group, mix(seed).wrapping_add(order)), *group))
            .collect();
        shuffled.sort_unstable();
        let mut placing = Placing::new(&totals, shares);
        let placed: BTreeMap<&str, Part> = shuffled
            .into_iter()
            .map(|(_, group)| (group, placing.place(&groups[group])))
            .collect();
        (placing.deviation(), placed)
    };
    let (mut least, mut best) = attempt(0);
    for order in 1..ORDERS {
        let (deviation, placed) = attempt(order);
        if deviation < least {
            (least, best) = (deviation, placed);
        }
    }
    // The group of every item was placed.
    items.iter().map(|(group, _)| best[group]).collect()
}

/// How many items of each stratum the parts have so far.
struct Placing<'a> {
    totals: &'a [f64],
    /// Parts that may get items, with their shares; the first of equals is taken.
    parts: Vec<(Part, f64)>,
    /// Items by part and stratum.
    have: Vec<Vec<f64>>,
}

impl<'a> Placing<'a> {
    fn new(totals: &'a [f64], shares: Shares) -> Self {
        let parts: Vec<(Part, f64)> = shares.by_part().into_iter().filter(|p| p.1 > 0.0).collect();
        Self {
            totals,
            have: vec![vec![0.0; totals.len()]; parts.len()],
            parts,
        }
    }

    /// Squared deviation of a part from its share of a stratum, over the size of the stratum.
    fn deviation_of(&self, part: usize, stratum: usize, more: f64) -> f64 {
        let total = self.totals[stratum].max(1.0);
        let share = self.parts[part].1;
        (self.have[part][stratum] + more - share * total).powi(2) / total
    }

    fn place(&mut self, group: &BTreeMap<usize, f64>) -> Part {
        let cost = |part: usize| -> f64 {
            let change = |(&stratum, &count): (&usize, &f64)| {
                self.deviation_of(part, stratum, count) - self.deviation_of(part, stratum, 0.0)
            };
            group.iter().map(change).sum()
        };
        let mut best = (0, f64::INFINITY);
        for part in 0..self.parts.len() {
            let cost = cost(part);
            if cost < best.1 {
                best = (part, cost);
            }
        }
        for (&stratum, count) in group {
            let have = self.have.get_mut(best.0).and_then(|h| h.get_mut(stratum));
            if let Some(have) = have {
                *have += count;
            }
        }
        self.parts.get(best.0).map_or(Part::Train, |p| p.0)
    }

    fn deviation(&self) -> f64 {
        let strata = 0..self.totals.len();
        (0..self.parts.len())
            .flat_map(|part| strata.clone().map(move |stratum| (part, stratum)))
            .map(|(part, stratum)| self.deviation_of(part, stratum, 0.0))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 400 sequences of 1 to 20 photos in five cities.
    fn photos() -> Vec<(String, String)> {
        let mut photos = Vec::new();
        for sequence in 0..400_u64 {
            let city = mix(sequence) % 5;
            for _ in 0..=mix(sequence + 1000) % 20 {
                photos.push((format!("sequence {sequence}"), format!("city {city}")));
            }
        }
        photos
    }

    fn borrowed(photos: &[(String, String)]) -> Vec<(&str, &str)> {
        let pairs = photos.iter();
        pairs.map(|(g, s)| (g.as_str(), s.as_str())).collect()
    }

    #[test]
    fn groups_stay_together_and_every_class_has_its_shares() {
        let photos = photos();
        let items = borrowed(&photos);
        let parts = split_stratified_groups(&items, Shares::default(), 4);
        let mut of_group = BTreeMap::new();
        for ((group, _), part) in items.iter().zip(&parts) {
            assert_eq!(of_group.entry(group).or_insert(part), &part);
        }
        for city in 0..5 {
            let name = format!("city {city}");
            let own: Vec<Part> = items
                .iter()
                .zip(&parts)
                .filter(|((_, s), _)| *s == name)
                .map(|(_, p)| *p)
                .collect();
            for (part, share) in Shares::default().by_part() {
                let found = own.iter().filter(|p| **p == part).count() as f64;
                let found = found / own.len() as f64;
                assert!((found - share).abs() < 0.02, "{name} {part:?} {found}");
            }
        }
    }

    #[test]
    fn the_split_is_a_function_of_the_seed_and_not_of_the_order() {
        let photos = photos();
        let items = borrowed(&photos);
        let parts = split_stratified_groups(&items, Shares::default(), 4);
        let of = |seed| split_stratified_groups(&items, Shares::default(), seed);
        assert!(parts == of(4));
        assert!(parts != of(5));
        let reversed: Vec<_> = items.iter().rev().copied().collect();
        let mut other = split_stratified_groups(&reversed, Shares::default(), 4);
        other.reverse();
        assert!(parts == other);
    }

    #[test]
    fn few_groups_fill_the_largest_parts() {
        use Part::{Test, Train};
        let day = |name: &'static str, n| vec![(name, ""); n];
        let one = split_stratified_groups(&day("a", 7), Shares::default(), 0);
        assert_eq!(one, [Train; 7]);
        let two = [day("a", 60), day("b", 40)].concat();
        for seed in 0..10 {
            let parts = split_stratified_groups(&two, Shares::default(), seed);
            let of = |k: usize| (parts[k], parts[60 + k % 40]);
            assert!(of(0) == (Train, Test), "{:?}", of(0));
        }
        let no_validation = Shares::new(0.0, 0.3).unwrap();
        let parts = split_stratified_groups(&borrowed(&photos()), no_validation, 1);
        assert!(!parts.contains(&Part::Validation));
        assert!(split_stratified_groups(&[], Shares::default(), 0).is_empty());
    }
}
