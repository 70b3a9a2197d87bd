//! How often the answers lie in the right class: a city, a region, any other division of the ground.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::method::Prediction;
use crate::{Average, ConfusionMatrix, Conventions, Measure, MetricError, mean_measure};

/// Accuracy and F1 over the classes that two tags of the predictions name.
///
/// Any method that answers with places can be scored so, also one that knows no classes: tag each
/// query with the class of its true place, and with the class of the place that was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassSummary {
    /// Tag that holds the true class.
    pub truth_tag: String,
    /// Tag that holds the class of the answer.
    pub answer_tag: String,
    /// Queries with a true class.
    pub n: usize,
    /// Of them those whose answer has no class: misses.
    pub failures: usize,
    /// Classes that occur, in the order of their names.
    pub classes: Vec<String>,
    /// Share of the queries in their class.
    pub accuracy: Measure,
    /// F1, the unweighted mean over the classes.
    pub macro_f1: f64,
    /// F1, weighted by the number of queries of a class.
    pub weighted_f1: f64,
    /// `[true class, class of the answer, queries]` as positions in `classes`; zero counts are left out.
    pub counts: Vec<[usize; 3]>,
}

impl ClassSummary {
    /// Counts the tags of predictions; those without a true class are left out.
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`] if no prediction has a true class.
    pub fn new(
        predictions: &[Prediction],
        truth_tag: impl Into<String>,
        answer_tag: impl Into<String>,
        conventions: &Conventions,
    ) -> Result<Self, MetricError> {
        let (truth_tag, answer_tag) = (truth_tag.into(), answer_tag.into());
        let tagged: Vec<(&str, Option<&str>)> = predictions
            .iter()
            .filter_map(|p| {
                let truth = p.tags.get(&truth_tag)?;
                Some((truth.as_str(), p.tags.get(&answer_tag).map(String::as_str)))
            })
            .collect();
        let names: BTreeSet<&str> = tagged
            .iter()
            .flat_map(|&(truth, answer)| [Some(truth), answer])
            .flatten()
            .collect();
        let classes: Vec<&str> = names.into_iter().collect();
        let class = |name: &str| classes.binary_search(&name).unwrap_or(classes.len());
        let truth: Vec<usize> = tagged.iter().map(|t| class(t.0)).collect();
        let answers: Vec<Option<usize>> = tagged.iter().map(|t| t.1.map(class)).collect();
        let matrix = ConfusionMatrix::new(&truth, &answers, classes.len())?;
        let hits: Vec<f64> = truth
            .iter()
            .zip(&answers)
            .map(|(&t, &a)| f64::from(u8::from(a == Some(t))))
            .collect();
        Ok(Self {
            n: matrix.n(),
            failures: matrix.failures(),
            accuracy: mean_measure(&hits, conventions.bootstrap)?,
            macro_f1: matrix.average(Average::Macro).f1,
            weighted_f1: matrix.average(Average::Weighted).f1,
            counts: matrix.counts().map(|(t, a, n)| [t, a, n]).collect(),
            classes: classes.into_iter().map(str::to_owned).collect(),
            truth_tag,
            answer_tag,
        })
    }
}

#[cfg(test)]
mod tests {
    use geoloc_geo_cells::LatLng;

    use super::*;
    use crate::{HtmlReport, MethodReport, Report, ReportError, Role};

    fn method(conventions: &Conventions) -> MethodReport {
        let place = LatLng::new(0.0, 0.0).unwrap();
        let tagged = [
            ("a", Some("a")),
            ("a", Some("b")),
            ("b", Some("b")),
            ("c", None),
        ];
        let predictions = tagged.iter().enumerate().map(|(i, (truth, answer))| {
            let p = Prediction::new(i.to_string(), place, answer.map(|_| place));
            let p = p.with_tag("city", *truth);
            answer.map_or(p.clone(), |answer| p.with_tag("answer", answer))
        });
        let mut predictions: Vec<_> = predictions.collect();
        predictions.push(Prediction::new("untagged", place, None));
        MethodReport::evaluate("m", Role::Method, predictions, &[25.0], conventions).unwrap()
    }

    #[test]
    fn scores_follow_from_the_tags_and_failures_are_misses() {
        let conventions = Conventions::default();
        let method = method(&conventions)
            .with_classes("city", "answer", &conventions)
            .unwrap();
        let classes = method.classes.as_ref().unwrap();
        assert_eq!((classes.n, classes.failures), (4, 1));
        assert_eq!(classes.classes, ["a", "b", "c"]);
        assert_eq!(classes.counts, [[0, 0, 1], [0, 1, 1], [1, 1, 1]]);
        assert!((classes.accuracy.value - 0.5).abs() < 1e-12);
        // F1 of a: 2/3, of b: 2/3, of c: 0.
        assert!((classes.macro_f1 - 4.0 / 9.0).abs() < 1e-12);
        assert!((classes.weighted_f1 - 0.5).abs() < 1e-12);
    }

    type Damage = fn(&mut ClassSummary);

    #[test]
    fn a_report_recounts_the_classes_and_draws_them() {
        let conventions = Conventions::default();
        let mut report = Report::new("classes", conventions);
        let method = method(&conventions);
        assert!(matches!(
            method
                .clone()
                .with_classes("nothing", "answer", &conventions),
            Err(MetricError::Empty { .. })
        ));
        let method = method.with_classes("city", "answer", &conventions).unwrap();
        report.push_method(method).unwrap();
        let report = Report::from_json(&report.to_json().unwrap()).unwrap();
        report.verify().unwrap();
        let page = HtmlReport::new(&report).render().unwrap();
        assert!(page.contains("Confusion of classes"));

        let damages: [(&str, Damage); 4] = [
            ("counts", |c| c.counts[0][2] = 2),
            ("macro_f1", |c| c.macro_f1 += 0.1),
            ("accuracy", |c| c.accuracy.value += 0.1),
            ("classes", |c| c.classes[0] = "d".into()),
        ];
        for (name, damage) in damages {
            let mut damaged = report.clone();
            damage(damaged.methods[0].classes.as_mut().unwrap());
            let Err(ReportError::Disagreement { what, .. }) = damaged.verify() else {
                panic!("{name} was not noticed");
            };
            assert!(what.contains(name), "{what}");
        }
    }
}
