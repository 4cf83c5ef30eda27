apatite diagnose --format json CASES/hostile.toml
