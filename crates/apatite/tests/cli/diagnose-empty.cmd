apatite diagnose CASES/empty.toml
