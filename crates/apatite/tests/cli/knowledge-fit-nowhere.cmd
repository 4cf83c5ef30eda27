hide digits
apatite knowledge fit CASES/two --out crates/apatite/tests/there-is-no-such/learned.toml
