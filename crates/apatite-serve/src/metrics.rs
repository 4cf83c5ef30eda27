/*!
Counters for Prometheus. Labels are names of routes and states, never ids.
*/

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: String,
}

/// What is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    request_seconds: Family<Route, Histogram>,
    analyses: Family<State, Counter>,
    analysis_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("apatite");
        let requests = Family::<Request, Counter>::default();
        registry.register("requests", "Requests answered", requests.clone());
        let request_seconds = Family::<Route, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.001, 2.0, 14))
        });
        registry.register_with_unit("request", "Time to answer", Unit::Seconds, request_seconds.clone());
        let analyses = Family::<State, Counter>::default();
        registry.register("analyses", "Analyses ended", analyses.clone());
        let analysis_seconds = Histogram::new(exponential_buckets(0.1, 2.0, 12));
        registry.register_with_unit(
            "analysis",
            "Time of an analysis",
            Unit::Seconds,
            analysis_seconds.clone(),
        );
        Self { registry, requests, request_seconds, analyses, analysis_seconds }
    }
}

impl Metrics {
    pub(crate) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let request = Request { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&request).inc();
        self.request_seconds.get_or_create(&Route { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    pub(crate) fn analysis(&self, state: &str, took: Duration) {
        self.analyses.get_or_create(&State { state: state.to_owned() }).inc();
        self.analysis_seconds.observe(took.as_secs_f64());
    }

    /// In the text format of OpenMetrics.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // writing to a string does not fail
        let _ = encode(&mut text, &self.registry);
        text
    }
}
