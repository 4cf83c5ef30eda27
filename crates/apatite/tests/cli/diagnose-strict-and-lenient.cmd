apatite diagnose --strict --lenient CASES/doubtful.toml
