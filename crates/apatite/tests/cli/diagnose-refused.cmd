apatite diagnose CASES/refused.toml
