apatite diagnose crates/apatite/src
