use std::collections::HashMap;

use thiserror::Error;

/// Index of a variable in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableId(pub(crate) u32);

impl VariableId {
    /// Position of the variable in [`Network::variables`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One discrete variable with its conditional probability table.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Unique name; letters, digits, `_` and `@`.
    pub name: String,
    /// Names of the states, at least two.
    pub states: Vec<String>,
    /// Parents, each defined before this variable.
    pub parents: Vec<VariableId>,
    /// `P(state | parents)`, row-major: the first parent varies slowest, the variable's own state fastest.
    pub table: Vec<f64>,
}

/// A discrete Bayesian network; variables stand in topological order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    variables: Vec<Variable>,
    by_name: HashMap<String, VariableId>,
}

/// Why a network or a piece of evidence was refused.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum NetworkError {
    /// Two variables of one name.
    #[error("variable `{0}` is defined twice")]
    DuplicateName(String),
    /// Fewer than two states.
    #[error("variable `{0}` has fewer than two states")]
    TooFewStates(String),
    /// A parent that is not defined before its child.
    #[error("variable `{0}` names a parent that is not defined before it")]
    UnknownParent(String),
    /// The table does not have one entry for each combination of states.
    #[error("the table of `{name}` has {found} entries where {expected} are needed")]
    TableSize {
        /// The variable.
        name: String,
        /// Entries found.
        found: usize,
        /// Entries needed.
        expected: usize,
    },
    /// A probability that is not strictly between 0 and 1: nothing is impossible but by definition.
    #[error("the table of `{name}` holds {value}, which is not strictly between 0 and 1")]
    NotAProbability {
        /// The variable.
        name: String,
        /// The offending entry.
        value: f64,
    },
    /// A row that does not sum to one.
    #[error("row {row} of the table of `{name}` sums to {sum}, not to 1")]
    RowSum {
        /// The variable.
        name: String,
        /// Which row, counted from 0.
        row: usize,
        /// Its sum.
        sum: f64,
    },
    /// The variable has parents that this engine cannot handle.
    #[error(
        "variable `{0}` has a set of parents that is neither part of root and mode nor one other variable"
    )]
    NotATree(String),
    /// An explanation wants its facts on variables of which none is an ancestor of another.
    #[error("the fact on `{0}` stands above another fact, which an explanation cannot tell apart")]
    FactAboveFact(String),
    /// The likelihood does not fit the variable.
    #[error(
        "the evidence on `{0}` is not a vector of finite, non-negative numbers, one a state and one of them positive"
    )]
    BadEvidence(String),
}

/// Largest deviation from 1 that rounding may leave in a row of a table.
const ROW_SUM_TOLERANCE: f64 = 1e-12;

impl Network {
    /// Adds a variable; its parents must be there already.
    ///
    /// # Errors
    /// The table must have one entry strictly between 0 and 1 for each combination, and rows that sum to 1.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        states: Vec<String>,
        parents: Vec<VariableId>,
        table: Vec<f64>,
    ) -> Result<VariableId, NetworkError> {
        let name = name.into();
        if self.find(&name).is_some() {
            return Err(NetworkError::DuplicateName(name));
        }
        if states.len() < 2 {
            return Err(NetworkError::TooFewStates(name));
        }
        if parents.iter().any(|parent| parent.index() >= self.variables.len()) {
            return Err(NetworkError::UnknownParent(name));
        }
        let rows: usize = parents.iter().map(|parent| self.variable(*parent).states.len()).product();
        let expected = rows * states.len();
        if table.len() != expected {
            return Err(NetworkError::TableSize { name, found: table.len(), expected });
        }
        if let Some(value) = table.iter().find(|p| !(**p > 0.0 && **p < 1.0)) {
            return Err(NetworkError::NotAProbability { name, value: *value });
        }
        for (row, entries) in table.chunks(states.len()).enumerate() {
            let sum: f64 = entries.iter().sum();
            if (sum - 1.0).abs() > ROW_SUM_TOLERANCE {
                return Err(NetworkError::RowSum { name, row, sum });
            }
        }
        let id = VariableId(u32::try_from(self.variables.len()).unwrap_or(u32::MAX));
        self.by_name.insert(name.clone(), id);
        self.variables.push(Variable { name, states, parents, table });
        Ok(id)
    }

    /// The variables in topological order.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The variable of an id of this network.
    #[must_use]
    pub fn variable(&self, id: VariableId) -> &Variable {
        &self.variables[id.index()]
    }

    /// Looks a variable up by name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<VariableId> {
        self.by_name.get(name).copied()
    }
}
