apatite diagnose --setting rheumatolgy CASES/two/a.toml
