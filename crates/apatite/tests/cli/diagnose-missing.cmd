apatite diagnose CASES/there-is-no-such.toml
