apatite diagnose CASES/not-utf8.toml
