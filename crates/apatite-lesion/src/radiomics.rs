//! IBSI features.
