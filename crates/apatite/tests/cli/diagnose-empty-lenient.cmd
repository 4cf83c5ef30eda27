apatite diagnose --lenient CASES/empty.toml
