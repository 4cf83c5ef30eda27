apatite diagnose --strict CASES/doubtful.toml
