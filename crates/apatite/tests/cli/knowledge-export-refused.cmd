apatite knowledge export --format bif --case CASES/refused.toml
