//! The check that the numbers of a report follow from the predictions listed in it.

use std::collections::BTreeSet;

use super::certainty::Certainty;
use crate::{
    ClassSummary, CoinTest, DistanceSummary, Measure, MethodReport, MetricError, PairedComparison,
    Report, ReportError, RetrievalSummary, Slices,
};

/// Largest relative difference between a stored number and its recomputation. Both come from the same `f64` operations
/// on the same values; the margin covers other processors and report writers that print 12 digits.
const TOLERANCE: f64 = 1e-9;

impl Report {
    /// Recomputes every distance, summary and interval from the listed predictions.
    ///
    /// # Errors
    ///
    /// [`ReportError::Disagreement`] naming the first number that differs, [`ReportError::DuplicateMethod`],
    /// [`ReportError::Metric`] where a summary cannot be computed from what is listed.
    pub fn verify(&self) -> Result<(), ReportError> {
        let mut names = BTreeSet::new();
        for method in &self.methods {
            if !names.insert(&method.name) {
                return Err(ReportError::DuplicateMethod {
                    name: method.name.clone(),
                });
            }
            self.verify_method(method)?;
        }
        for stored in &self.comparisons {
            let computed = self.comparison(&stored.first, &stored.second)?;
            let method = self
                .method(&stored.first)
                .ok_or_else(|| ReportError::NoMethod {
                    name: stored.first.clone(),
                })?;
            Check { method }.comparison(stored, &computed)?;
        }
        Ok(())
    }

    fn verify_method(&self, method: &MethodReport) -> Result<(), ReportError> {
        let check = Check { method };
        let mut ids = BTreeSet::new();
        for p in &method.predictions {
            if !ids.insert(&p.id) {
                return Err(check.disagreement(
                    format!("number of predictions \"{}\"", p.id),
                    &1,
                    &"more",
                ));
            }
            let computed = p
                .predicted
                .map(|place| self.conventions.distance.km(p.truth, place));
            check.optional(
                || format!("prediction \"{}\": distance_km", p.id),
                p.distance_km,
                computed,
            )?;
        }
        let distances: Vec<Option<f64>> =
            method.predictions.iter().map(|p| p.distance_km).collect();
        let computed = DistanceSummary::from_distances(
            &distances,
            &method.distance.radii_km(),
            &self.conventions,
        )
        .map_err(|source| check.metric(source))?;
        check.distance("", &method.distance, &computed)?;
        let certainty = Certainty::of(
            &method.predictions,
            &method.distance.radii_km(),
            &self.conventions,
        )
        .map_err(|source| check.metric(source))?;
        check.certainty(method.certainty.as_ref(), certainty.as_ref())?;
        for stored in &method.slices {
            let computed = method
                .slices_by(stored.tag.clone(), &self.conventions)
                .map_err(|source| check.metric(source))?;
            check.slices(stored, &computed)?;
        }
        if let Some(stored) = &method.classes {
            let computed = ClassSummary::new(
                &method.predictions,
                &stored.truth_tag,
                &stored.answer_tag,
                &self.conventions,
            )
            .map_err(|source| check.metric(source))?;
            check.classes(stored, &computed)?;
        }
        if let Some(stored) = &method.retrieval {
            let ks: Vec<usize> = stored.recall.iter().map(|r| r.k).collect();
            let computed = RetrievalSummary::from_ranks(
                &method.ranks(),
                stored.gallery,
                &ks,
                &self.conventions,
            )
            .map_err(|source| check.metric(source))?;
            check.retrieval(stored, &computed)?;
        }
        Ok(())
    }
}

/// Compares stored with computed numbers of one method.
struct Check<'a> {
    method: &'a MethodReport,
}

impl Check<'_> {
    fn metric(&self, source: MetricError) -> ReportError {
        ReportError::Metric {
            method: self.method.name.clone(),
            source,
        }
    }

    fn disagreement(
        &self,
        what: impl Into<String>,
        stored: &impl ToString,
        computed: &impl ToString,
    ) -> ReportError {
        ReportError::Disagreement {
            method: self.method.name.clone(),
            what: what.into(),
            stored: stored.to_string(),
            computed: computed.to_string(),
        }
    }

    fn distance(
        &self,
        part: &str,
        s: &DistanceSummary,
        c: &DistanceSummary,
    ) -> Result<(), ReportError> {
        let name = |what: &str| format!("{part}{what}");
        self.count(&name("n"), s.n, c.n)?;
        self.count(&name("failures"), s.failures, c.failures)?;
        self.count(&name("number of radii"), s.within.len(), c.within.len())?;
        for (sw, cw) in s.within.iter().zip(&c.within) {
            let what = || name(&format!("within {} km", sw.radius_km));
            self.count(&format!("hits {}", what()), sw.hits, cw.hits)?;
            self.measure(what, Some(sw.share), Some(cw.share))?;
        }
        self.measure(|| name("median_km"), s.median_km, c.median_km)?;
        self.measure(|| name("mean_km"), s.mean_km, c.mean_km)?;
        let scores = (Some(s.geo_score), Some(c.geo_score));
        self.measure(|| name("geo_score"), scores.0, scores.1)?;
        self.count(
            &name("number of percentiles"),
            s.percentiles.len(),
            c.percentiles.len(),
        )?;
        for (sp, cp) in s.percentiles.iter().zip(&c.percentiles) {
            self.number(|| name("percent of a percentile"), sp.percent, cp.percent)?;
            self.optional(|| name(&format!("percentile {}", sp.percent)), sp.km, cp.km)?;
        }
        Ok(())
    }

    fn certainty(&self, s: Option<&Certainty>, c: Option<&Certainty>) -> Result<(), ReportError> {
        let (Some(s), Some(c)) = (s, c) else {
            let present = |x: Option<&Certainty>| usize::from(x.is_some());
            return self.count("number of certainty summaries", present(s), present(c));
        };
        self.count("radius50_n", s.radius50_n, c.radius50_n)?;
        self.measure(
            || "radius50_holds".into(),
            s.radius50_holds,
            c.radius50_holds,
        )?;
        self.count("probability_n", s.probability_n, c.probability_n)?;
        self.number(
            || "miss_radius_km".into(),
            s.miss_radius_km,
            c.miss_radius_km,
        )?;
        let areas = (s.risk_coverage_area, c.risk_coverage_area);
        self.optional(|| "risk_coverage_area".into(), areas.0, areas.1)?;
        self.optional(|| "excess_area".into(), s.excess_area, c.excess_area)
    }

    fn slices(&self, s: &Slices, c: &Slices) -> Result<(), ReportError> {
        let tag = &s.tag;
        self.count(&format!("untagged by {tag}"), s.untagged, c.untagged)?;
        self.count(
            &format!("number of slices by {tag}"),
            s.slices.len(),
            c.slices.len(),
        )?;
        for (ss, cs) in s.slices.iter().zip(&c.slices) {
            if ss.value != cs.value {
                return Err(self.disagreement(format!("value of {tag}"), &ss.value, &cs.value));
            }
            self.distance(
                &format!("{tag} = {}: ", ss.value),
                &ss.distance,
                &cs.distance,
            )?;
        }
        Ok(())
    }

    fn classes(&self, s: &ClassSummary, c: &ClassSummary) -> Result<(), ReportError> {
        let name = |what: &str| format!("{what} by {}", s.truth_tag);
        if s.classes != c.classes {
            let names = (s.classes.join(", "), c.classes.join(", "));
            return Err(self.disagreement(name("classes"), &names.0, &names.1));
        }
        self.count(&name("n"), s.n, c.n)?;
        self.count(&name("failures"), s.failures, c.failures)?;
        if s.counts != c.counts {
            let counts = (format!("{:?}", s.counts), format!("{:?}", c.counts));
            return Err(self.disagreement(name("counts"), &counts.0, &counts.1));
        }
        self.measure(|| name("accuracy"), Some(s.accuracy), Some(c.accuracy))?;
        self.number(|| name("macro_f1"), s.macro_f1, c.macro_f1)?;
        self.number(|| name("weighted_f1"), s.weighted_f1, c.weighted_f1)
    }

    fn comparison(&self, s: &PairedComparison, c: &PairedComparison) -> Result<(), ReportError> {
        let name = |what: &str| format!("{what} against \"{}\"", s.second);
        self.count(&name("n"), s.n, c.n)?;
        let differences = (Some(s.geo_score_difference), Some(c.geo_score_difference));
        self.measure(
            || name("geo_score_difference"),
            differences.0,
            differences.1,
        )?;
        let p_values = (s.geo_score_p_value, c.geo_score_p_value);
        self.number(|| name("geo_score_p_value"), p_values.0, p_values.1)?;
        self.coin(&name("nearer"), s.nearer, c.nearer)?;
        self.count(&name("number of radii"), s.within.len(), c.within.len())?;
        for (sw, cw) in s.within.iter().zip(&c.within) {
            self.number(|| name("radius_km"), sw.radius_km, cw.radius_km)?;
            self.coin(
                &name(&format!("within {} km", sw.radius_km)),
                sw.test,
                cw.test,
            )?;
        }
        Ok(())
    }

    fn coin(&self, what: &str, s: CoinTest, c: CoinTest) -> Result<(), ReportError> {
        self.count(&format!("{what}: first"), s.first, c.first)?;
        self.count(&format!("{what}: second"), s.second, c.second)?;
        self.count(&format!("{what}: level"), s.level, c.level)?;
        self.number(|| format!("{what}: p_value"), s.p_value, c.p_value)
    }

    fn retrieval(&self, s: &RetrievalSummary, c: &RetrievalSummary) -> Result<(), ReportError> {
        self.count("number of recalls", s.recall.len(), c.recall.len())?;
        self.count("retrieval n", s.n, c.n)?;
        self.count("retrieval failures", s.failures, c.failures)?;
        let one_percent = (&s.recall_1_percent, &c.recall_1_percent);
        self.count("k of recall@1 %", one_percent.0.k, one_percent.1.k)?;
        for (sr, cr) in s.recall.iter().zip(&c.recall).chain([one_percent]) {
            self.measure(
                || format!("recall@{}", sr.k),
                Some(sr.share),
                Some(cr.share),
            )?;
        }
        self.measure(
            || "mean_reciprocal_rank".into(),
            Some(s.mean_reciprocal_rank),
            Some(c.mean_reciprocal_rank),
        )?;
        self.optional(|| "median_rank".into(), s.median_rank, c.median_rank)
    }

    fn count(&self, what: &str, stored: usize, computed: usize) -> Result<(), ReportError> {
        if stored == computed {
            Ok(())
        } else {
            Err(self.disagreement(what, &stored, &computed))
        }
    }

    fn measure(
        &self,
        what: impl Fn() -> String,
        stored: Option<Measure>,
        computed: Option<Measure>,
    ) -> Result<(), ReportError> {
        let value = |m: Option<Measure>| m.map(|m| m.value);
        let low = |m: Option<Measure>| m.and_then(|m| m.interval).map(|i| i.low);
        let high = |m: Option<Measure>| m.and_then(|m| m.interval).and_then(|i| i.high);
        self.optional(&what, value(stored), value(computed))?;
        self.optional(
            || format!("lower end of {}", what()),
            low(stored),
            low(computed),
        )?;
        self.optional(
            || format!("upper end of {}", what()),
            high(stored),
            high(computed),
        )
    }

    fn number(
        &self,
        what: impl Fn() -> String,
        stored: f64,
        computed: f64,
    ) -> Result<(), ReportError> {
        self.optional(what, Some(stored), Some(computed))
    }

    fn optional(
        &self,
        what: impl Fn() -> String,
        stored: Option<f64>,
        computed: Option<f64>,
    ) -> Result<(), ReportError> {
        let agree = match (stored, computed) {
            (Some(s), Some(c)) => (s - c).abs() <= TOLERANCE * s.abs().max(c.abs()).max(1.0),
            (None, None) => true,
            _ => false,
        };
        if agree {
            return Ok(());
        }
        let show = |v: Option<f64>| v.map_or_else(|| "absent".to_owned(), |v| v.to_string());
        Err(self.disagreement(what(), &show(stored), &show(computed)))
    }
}
