apatite diagnose --format json CASES/refused.toml
