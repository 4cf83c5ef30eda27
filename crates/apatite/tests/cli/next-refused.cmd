apatite next CASES/refused.toml
