/*!
Exact inference in discrete Bayesian networks shaped like a tree under one question.

The network has one *root*, the question (for Apatite: the diagnosis), and at most one *mode*, a second variable
without parents that changes how the root shows itself (for Apatite: a typical or an atypical presentation).
Every other variable has as parents either a part of {root, mode}, or exactly one variable that is neither.
Under each joint value of root and mode the rest is then a forest, so one pass from the leaves to the root gives
the posterior exactly: no sampling, no iteration, no tolerance.

This crate knows nothing of medicine, reads no file, prints nothing and holds no state between queries: the same
evidence gives the same bits whatever the number of threads and whatever vectors the processor has.
*/

mod engine;
mod explain;
mod export;
mod lanes;
mod network;

pub use engine::{Engine, Evidence, Posterior, Prediction, Workspace};
pub use explain::{Explanation, natural_to_decibans};
pub use export::{to_bif, to_xmlbif};
pub use lanes::{dot, ln, sum};
pub use network::{Network, NetworkError, Variable, VariableId};
