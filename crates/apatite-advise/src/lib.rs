/*!
What to examine next, what an answer would change, and what must be said at once.

[`next`] ranks every examination that is not done yet by what it is expected to tell for what it costs the patient;
[`what_if`] sets the differential before and after something is supposed; [`alarms`] names what cannot wait;
[`Sufficiency`] says whether enough is known and whether the case is like anything the knowledge describes;
[`ask`] and [`advise_first`] measure the advice on proven cases.

An examination's result is the joint of all it would show, given what is known: under each diagnosis the network falls
into independent branches, so that few joint outcomes are counted exactly and many are drawn, with their error.

This crate reads no file, prints nothing, and holds no medical number: those are in the knowledge.
*/

mod alarms;
mod circumstance;
mod forest;
mod gain;
mod next;
mod sufficiency;
mod trial;
mod what_if;

pub use alarms::{Alarm, Clash, alarms, clashes};
pub use gain::{Gain, Outcome, Standing};
pub use next::{Advice, Advised, Burden, Caveat, Question, first_advice, next};
pub use sufficiency::{Sufficiency, assess};
pub use trial::{Asked, AskedCase, FirstAdvice, FirstAdviceCase, advise_first, ask};
pub use what_if::{Shift, WhatIf, what_if};
