apatite knowledge check --knowledge crates/apatite/src
