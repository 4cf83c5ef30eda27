/*!
Facts, differentials and knowledge in words, English and Italian.

Every text comes from the knowledge or from the Fluent files in `locales/`; here is only how they are put together.
This crate computes nothing and prints nothing: it returns strings. Styled strings carry ANSI codes, which the
caller strips where there is no terminal.
*/

mod advice;
mod card;
mod comparison;
mod differential;
mod evaluation;
mod followed;
mod gradings;
mod manual;
mod measured;
mod measurement;
mod remarks;
#[cfg(test)]
mod sources;
mod words;

pub use advice::{advice, alarms, asked, first_advice, what_if};
pub use card::{card, citation, unknown_diagnosis, unknown_id};
pub use comparison::comparison;
pub use differential::{differential, one_line};
pub use evaluation::evaluation;
pub use followed::followed;
pub use gradings::gradings;
pub use manual::manual;
pub use measurement::measurement;
pub use words::{Words, is_obeyed, printable, printed_unit};
