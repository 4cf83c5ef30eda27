apatite diagnose --knowledge there-is-no-such CASES/two/a.toml
