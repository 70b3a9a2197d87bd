//! The check that the numbers of a report follow from the predictions listed in it.

use std::collections::BTreeSet;

use crate::{
    DistanceSummary, Measure, MethodReport, MetricError, Report, ReportError, RetrievalSummary,
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
        check.distance(&method.distance, &computed)?;
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

    fn distance(&self, s: &DistanceSummary, c: &DistanceSummary) -> Result<(), ReportError> {
        self.count("n", s.n, c.n)?;
        self.count("failures", s.failures, c.failures)?;
        for (sw, cw) in s.within.iter().zip(&c.within) {
            let what = || format!("within {} km", sw.radius_km);
            self.count(&format!("hits {}", what()), sw.hits, cw.hits)?;
            self.measure(what, Some(sw.share), Some(cw.share))?;
        }
        self.measure(|| "median_km".into(), s.median_km, c.median_km)?;
        self.measure(|| "mean_km".into(), s.mean_km, c.mean_km)?;
        self.measure(|| "geo_score".into(), Some(s.geo_score), Some(c.geo_score))?;
        self.count(
            "number of percentiles",
            s.percentiles.len(),
            c.percentiles.len(),
        )?;
        for (sp, cp) in s.percentiles.iter().zip(&c.percentiles) {
            self.optional(
                || "percent of a percentile".into(),
                Some(sp.percent),
                Some(cp.percent),
            )?;
            self.optional(|| format!("percentile {}", sp.percent), sp.km, cp.km)?;
        }
        Ok(())
    }

    fn retrieval(&self, s: &RetrievalSummary, c: &RetrievalSummary) -> Result<(), ReportError> {
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
